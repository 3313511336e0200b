"""What people see: progress while a run goes on, the funnel at its end, and the page that stays."""
