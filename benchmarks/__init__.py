"""Speed and decision quality, measured side by side in one run; nothing here is a test."""
