"""Let wishes carry an argument."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("wishes", sa.Column("argument", sa.Text(), nullable=False, server_default=""))
