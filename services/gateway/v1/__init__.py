"""The handlers of `/v1`, a file for each subject: they call use cases and read models, and decide no rule."""
