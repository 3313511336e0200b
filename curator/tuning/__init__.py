"""Tools for the person who tunes filters: the rules on one document, a finished run judged again, what it threw away."""
