"""Tell how the config file differs from what is in force, and how far a long command has come."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("workspaces", sa.Column("config_trouble", sa.Text(), nullable=False, server_default=""))
    op.add_column("wishes", sa.Column("progress", sa.Text(), nullable=False, server_default=""))
