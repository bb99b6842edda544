"""backups of nodes

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('backup_places',
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('place', sa.String(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_backup_places_node_id')),
    sa.PrimaryKeyConstraint('node_id', name=op.f('pk_backup_places'))
    )
    op.create_table('node_backups',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('snapshot', sa.String(), nullable=True),
    sa.Column('bytes', sa.BigInteger(), nullable=False),
    sa.Column('files', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('message', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_node_backups_node_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_node_backups'))
    )
    with op.batch_alter_table('node_backups', schema=None) as batch_op:
        batch_op.create_index('ix_node_backups_node', ['node_id', 'state', 'at'], unique=False)
        batch_op.create_index('ix_node_backups_running', ['node_id'], unique=False,
                              sqlite_where=sa.text("state = 'running'"),
                              postgresql_where=sa.text("state = 'running'"))

    op.create_table('mail_restores',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('node_id', sa.Uuid(), nullable=False),
    sa.Column('member_id', sa.Uuid(), nullable=True),
    sa.Column('mailbox_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('snapshot', sa.String(), nullable=True),
    sa.Column('folder', sa.String(), nullable=True),
    sa.Column('into', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('messages', sa.Integer(), nullable=False),
    sa.Column('bytes', sa.BigInteger(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('message', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['member_id'], ['members.id'], name=op.f('fk_mail_restores_member_id')),
    sa.ForeignKeyConstraint(['node_id'], ['nodes.id'], name=op.f('fk_mail_restores_node_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mail_restores'))
    )
    with op.batch_alter_table('mail_restores', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mail_restores_mailbox_id'), ['mailbox_id'], unique=False)
        batch_op.create_index('ix_mail_restores_running', ['node_id'], unique=False,
                              sqlite_where=sa.text("state = 'running'"),
                              postgresql_where=sa.text("state = 'running'"))


def downgrade() -> None:
    op.drop_table('mail_restores')
    op.drop_table('node_backups')
    op.drop_table('backup_places')
