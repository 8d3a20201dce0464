echo before
no-such-program-anywhere
