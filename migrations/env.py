"""How Alembic reaches the panel's database: through the running Flask application."""

from alembic import context
from flask import current_app

from panel.kernel.db import Base
from panel.mail.finding import POSTGRESQL_INDEX, TABLES

database = current_app.extensions["migrate"].db


def _compare_type(_context, _column, database_type, model_type, *_rest) -> bool | None:
    """UTCDateTime is the same column as its DateTime."""
    is_time = any(name in str(database_type).upper() for name in ("DATETIME", "TIMESTAMP"))
    return False if is_time and "UTCDateTime" in repr(model_type) else None


def _render_item(kind, item, _context) -> str | bool:
    """Migrations name database types only, so that they keep working when our own types move."""
    return "sa.DateTime(timezone=True)" if kind == "type" and type(item).__name__ == "UTCDateTime" else False


def _include_name(name, kind, _parents) -> bool:
    """Leave out what finds addresses (`panel.mail.finding`): SQLite's FTS5 and an index of PostgreSQL are no models."""
    return not (kind == "table" and name.startswith(TABLES)) and not (kind == "index" and name == POSTGRESQL_INDEX)


def run() -> None:
    """Run the wanted migrations in one transaction for each; SQLite's tables are rebuilt where it cannot alter them."""
    with database.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            transaction_per_migration=True,
            compare_type=_compare_type,
            render_item=_render_item,
            include_name=_include_name,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
