"""approvals, progress and the database clock

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


RESOURCES = ('mail_domains', 'mailboxes', 'aliases')
WAITING = sa.text("state = 'waiting'")
SCHEDULED = sa.text('look_at IS NOT NULL')


def upgrade() -> None:
    with op.batch_alter_table('jobs', schema=None) as batch_op:
        batch_op.add_column(sa.Column('params', sa.JSON(), server_default='{}', nullable=False))
        batch_op.add_column(sa.Column('user_id', sa.Uuid(), nullable=True))
    with op.batch_alter_table('nodes', schema=None) as batch_op:
        batch_op.add_column(sa.Column('lease_seconds', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('batch_on_way', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('looks_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table('plans',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('reasons', sa.JSON(), nullable=False),
    sa.Column('counts', sa.JSON(), nullable=False),
    sa.Column('requested_by', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('made_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('approved_by', sa.String(), nullable=True),
    sa.Column('approved_user_id', sa.Uuid(), nullable=True),
    sa.Column('approved_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_plans_node_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plans'))
    )
    with op.batch_alter_table('plans', schema=None) as batch_op:
        batch_op.create_index('ix_plans_node', ['node_id', 'state'], unique=False)
        batch_op.create_index('ix_plans_waiting', ['node_id'], unique=True,
                              sqlite_where=WAITING, postgresql_where=WAITING)
    for table in RESOURCES:
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column('plan_id', sa.Uuid(), nullable=True))
            batch_op.add_column(sa.Column('look_at', sa.DateTime(timezone=True), nullable=True))
        # What was seen longest ago is looked at first; what is gone is not looked at again.
        op.execute(f"UPDATE {table} SET look_at = seen_at "
                   "WHERE want = 'put' AND seen_generation = wanted_generation AND node_id IS NOT NULL")
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.create_index(f'ix_{table}_look', ['node_id', 'look_at'], unique=False,
                                  sqlite_where=SCHEDULED, postgresql_where=SCHEDULED)


def downgrade() -> None:
    for table in reversed(RESOURCES):
        op.drop_index(f'ix_{table}_look', table, sqlite_where=SCHEDULED, postgresql_where=SCHEDULED)
        op.drop_column(table, 'look_at')
        op.drop_column(table, 'plan_id')
    op.drop_table('plans')
    for table, column in (
        ('nodes', 'looks_at'), ('nodes', 'batch_on_way'), ('nodes', 'lease_seconds'), ('jobs', 'user_id'), ('jobs', 'params')
    ):
        op.drop_column(table, column)
