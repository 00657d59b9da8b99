"""The interface of the server as an OpenAPI document, of which the types of the page are generated.

``python -m cryoglean.viewer.openapi page/openapi.json`` writes it anew; ``npm run schema`` in ``page/`` makes
TypeScript of it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cryoglean.io.writing import complete_or_absent
from cryoglean.viewer.api import build_api


def document() -> str:
    """Return the OpenAPI document as JSON, with a line for every value so that changes can be read."""
    return json.dumps(build_api().openapi(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the document into the file that the command line names."""
    parser = argparse.ArgumentParser(description="Write the OpenAPI document of `cryoglean view`.")
    parser.add_argument("file", type=Path, help="where to write it, such as page/openapi.json")
    with complete_or_absent(parser.parse_args().file) as partial:
        partial.write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
