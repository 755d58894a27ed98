"""What an administrator does with the topics of a run.

    topics.py open     lets events keep the compression of who produced them
    topics.py delete   deletes the topics of the run
"""

import sys

from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType,
)

import run


def let_compression_be(admin):
    # Else the broker would compress all anew, and one codec alone would be read.
    entry = ConfigEntry(
        "compression.type", "producer", incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, run.EVENTS, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(run.LIMIT_S)


def delete(admin):
    names = admin.list_topics(timeout=run.LIMIT_S).topics
    own = [name for name in names if name.startswith(run.PREFIX)]
    for future in admin.delete_topics(own).values() if own else []:
        future.result(run.LIMIT_S)


if __name__ == "__main__":
    verbs = {"open": let_compression_be, "delete": delete}
    verbs[sys.argv[1]](AdminClient({"bootstrap.servers": run.BROKERS, "log_level": 3}))
