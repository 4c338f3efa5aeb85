"""What the operator is told of by itself: alerts, what raises them, and their way to a webhook."""
