"""`replyloop settings`: every setting."""

from itertools import groupby

from replyloop_assets.cli.db import Json
from replyloop_assets.cli.workplace import write_json


def settings(as_json: Json = False) -> None:
    """Every setting: its variable, what holds now, whether the environment says so, and what it means.

    For example: REPLYLOOP_SEARCH__TOPICS=sleep,running replyloop settings
    """
    from replyloop_assets.reporting.settings import describe, shown, title
    from replyloop_assets.settings import load_settings

    rows = describe(load_settings())
    if as_json:
        write_json({"settings": rows})
        return
    for group, members in groupby(rows, lambda row: row["group"]):
        print(f"{group or 'general'}: {title(group)}")
        for row in members:
            unit = f" {row['unit']}" if row["unit"] else ""
            print(f"  {row['variable']} = {shown(row['value'])}{unit} ({row['origin']})")
            print(f"      {row['meaning']}")
