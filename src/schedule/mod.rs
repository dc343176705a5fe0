//! Cron, distances and windows: when something is next due, and whether a window is open.
