import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from nxt.home import Home  # noqa: E402
from nxt.ports import Ports  # noqa: E402


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


@pytest.fixture
def ports(home):
    ports = Ports(home, preferred=False)
    ports.settle(lambda name: False)
    return ports
