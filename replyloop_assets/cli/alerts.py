"""`replyloop alerts`: what the operator was told, and whether it arrives."""

from typing import TYPE_CHECKING, Annotated

import typer

from replyloop_assets import clock
from replyloop_assets.cli.db import Json
from replyloop_assets.cli.workplace import workplace, write_json
from replyloop_assets.errors import ReplyloopError

if TYPE_CHECKING:
    from pydantic import SecretStr


def alerts(
    most: Annotated[int, typer.Option(min=1, max=1000, help="How many to show.")] = 10,
    as_json: Json = False,
    test: Annotated[
        bool,
        typer.Option("--test", help="Send a test message to the webhook at once, and say what came of it."),
    ] = False,
) -> None:
    """The newest alerts, and whether each has reached the webhook.

    With `replyloop up` running, they are sent within a minute to REPLYLOOP_ALERT_WEBHOOK_URL: an incoming
    webhook of Slack, of Mattermost, or of Discord with /slack at the end of its URL.
    """
    from replyloop_assets.reporting.alerts import read_alerts, render_alerts
    from replyloop_assets.settings import load_settings

    url = load_settings().alert_webhook_url
    if test:
        send_test(url)
        write_json({"delivered": True}) if as_json else print("The test message arrived.")
        return
    with workplace() as place:
        answer = read_alerts(place.engine, url is not None, most, clock.now())
    write_json(answer) if as_json else print(render_alerts(answer))


def send_test(url: "SecretStr | None") -> None:
    """Send one message.

    Raises:
        ReplyloopError: it did not arrive, or there is nowhere to send it to.
    """
    from replyloop_assets.operator.webhook import message, post

    if url is None:
        raise ReplyloopError("No webhook is set: put its URL into REPLYLOOP_ALERT_WEBHOOK_URL.")
    if problem := post(url, message("info", "test", "alerts arrive here.")).problem:
        raise ReplyloopError(
            f"The test message did not arrive, as {problem}: try again, or correct "
            "REPLYLOOP_ALERT_WEBHOOK_URL."
        )
