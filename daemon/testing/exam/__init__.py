"""The exam that every adapter sits. It needs pytest, and is the only part of this program that does.

    from daemon.testing.exam import AdapterExam, Stage

    class TestMyErp(AdapterExam):
        @pytest.fixture
        def stage(self, tmp_path):
            return MyStage(tmp_path)

Each question is a test, which passes, fails, or is waived (shown by pytest as skipped, with the reason): by a capability that the
adapter does not claim, or by the stage, which says why its ERP has nothing of the kind.

stage       what an author writes: the adapter's ERP and the hands in it
sitting     how a question is asked
standing    what an adapter says of itself; check
creating    create, find, read; two workspaces; side by side
updating    each kind of change; repeated; of records that have progressed
cancelling  cancel and cancel again
refusing    orders that the ERP cannot take over; preview
doubting    an ERP that is away, answers that are lost, calls that are cut off
wording     odd text, units, rounding
grouping    many effects at once
telling     reports with a cursor
"""

import pytest

_ROOMS = ("cancelling", "creating", "doubting", "grouping", "refusing", "standing", "telling", "updating", "wording")
pytest.register_assert_rewrite(*(f"{__name__}.{room}" for room in ("sitting", *_ROOMS)))

from daemon.testing.exam.cancelling import Cancelling  # noqa: E402  # pytest must know first, so that asserts tell what they saw
from daemon.testing.exam.creating import Creating  # noqa: E402
from daemon.testing.exam.doubting import Doubting  # noqa: E402
from daemon.testing.exam.grouping import Grouping  # noqa: E402
from daemon.testing.exam.refusing import Refusing  # noqa: E402
from daemon.testing.exam.sitting import QUESTIONS, Question, Sitting, question  # noqa: E402
from daemon.testing.exam.stage import Held, Stage  # noqa: E402
from daemon.testing.exam.standing import Standing  # noqa: E402
from daemon.testing.exam.telling import Telling  # noqa: E402
from daemon.testing.exam.updating import Updating  # noqa: E402
from daemon.testing.exam.wording import Wording  # noqa: E402

__all__ = ["QUESTIONS", "AdapterExam", "Held", "Question", "Sitting", "Stage", "question"]


class AdapterExam(Standing, Creating, Updating, Cancelling, Refusing, Doubting, Wording, Grouping, Telling):
    """Subclass it, with a fixture named `stage`."""
