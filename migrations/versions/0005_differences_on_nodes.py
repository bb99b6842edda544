"""differences on nodes

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('differences',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('resource_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('differs', sa.JSON(), nullable=False),
    sa.Column('wanted', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('found', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('found_digest', sa.String(), nullable=False),
    sa.Column('found_generation', sa.Integer(), nullable=False),
    sa.Column('secrets', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('first_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decided_by', sa.String(), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_differences_node_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_differences'))
    )
    with op.batch_alter_table('differences', schema=None) as batch_op:
        batch_op.create_index('ix_differences_current', ['node_id', 'kind', 'key'], unique=True,
                              sqlite_where=sa.text("state <> 'resolved'"),
                              postgresql_where=sa.text("state <> 'resolved'"))
        batch_op.create_index('ix_differences_node', ['node_id', 'state', 'id'], unique=False)
        batch_op.create_index('ix_differences_resource', ['kind', 'resource_id'], unique=False)

    op.create_table('orphans',
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('want', sa.String(), nullable=False),
    sa.Column('wanted_generation', sa.Integer(), nullable=False),
    sa.Column('sent_generation', sa.Integer(), nullable=False),
    sa.Column('applied_generation', sa.Integer(), nullable=False),
    sa.Column('seen_generation', sa.Integer(), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seen_how', sa.String(), nullable=True),
    sa.Column('problem_code', sa.String(), nullable=True),
    sa.Column('problem_message', sa.String(), nullable=True),
    sa.Column('problem_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('retry_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('suspended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('plan_id', sa.Uuid(), nullable=True),
    sa.Column('look_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=True),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.ForeignKeyConstraint(['member_id'], ['members.id'], name=op.f('fk_orphans_member_id')),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_orphans_node_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_orphans'))
    )
    with op.batch_alter_table('orphans', schema=None) as batch_op:
        batch_op.create_index('ix_orphans_due', ['node_id', 'id'], unique=False,
                              sqlite_where=sa.text('seen_generation < wanted_generation'),
                              postgresql_where=sa.text('seen_generation < wanted_generation'))

    op.create_table('closings',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=True),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_closings_node_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_closings'))
    )
    op.add_column('nodes', sa.Column('drift_checked_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('nodes', sa.Column('drift_differing', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    # Not in a batch, which would make the table anew: other tables point at its rows.
    op.drop_column('nodes', 'drift_differing')
    op.drop_column('nodes', 'drift_checked_at')
    op.drop_table('closings')
    with op.batch_alter_table('orphans', schema=None) as batch_op:
        batch_op.drop_index('ix_orphans_due', sqlite_where=sa.text('seen_generation < wanted_generation'),
                            postgresql_where=sa.text('seen_generation < wanted_generation'))
    op.drop_table('orphans')
    with op.batch_alter_table('differences', schema=None) as batch_op:
        batch_op.drop_index('ix_differences_resource')
        batch_op.drop_index('ix_differences_node')
        batch_op.drop_index('ix_differences_current', sqlite_where=sa.text("state <> 'resolved'"),
                            postgresql_where=sa.text("state <> 'resolved'"))
    op.drop_table('differences')
