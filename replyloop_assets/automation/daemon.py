"""Dagster's daemon over a few lasting connections, run as a module with the path of its workspace file.

Started by its own command it opens four connections a second, idle: most of what an idle `up` costs.
"""

import sys

import dagster as dg
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._daemon.controller import daemon_controller_from_instance
from dagster._utils.interrupts import capture_interrupts, setup_interrupt_handlers

from replyloop_assets.automation.instance import pool_connections


def run(workspace: str) -> None:
    """Run it until INT or TERM."""
    setup_interrupt_handlers()
    with capture_interrupts(), dg.DagsterInstance.get() as instance:
        pool_connections(instance)
        with daemon_controller_from_instance(instance, WorkspaceFileTarget([workspace])) as controller:
            controller.check_daemon_loop()


if __name__ == "__main__":
    try:
        run(sys.argv[1])
    except KeyboardInterrupt:
        sys.exit()
