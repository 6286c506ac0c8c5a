"""Running the whole: what `up` starts, what `doctor` checks, what `bench` measures. Holds no rule of the product."""
