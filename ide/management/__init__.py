"""Running the whole: the parts `up` starts, what `doctor` checks, what `bench` measures. Holds no rule of the product."""
