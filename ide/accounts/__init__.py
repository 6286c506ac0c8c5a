"""Who people are and what they may do. Knows no workspace: rights hang on the team an object belongs to."""
