"""The supervisor and the servers under it: started twice, killed hard, stopped; on a stack of their own."""

import shutil
import signal
import socket
from collections.abc import Iterator

import pymongo
import pytest

from deploy.broker_setup import Applied, admin_client
from deploy.local import keys, state
from deploy.local.environment import broker_bootstrap, store_url
from deploy.local.errors import AlreadyRunning, PortInUse
from deploy.local.kafka import Kafka
from deploy.local.layout import OFFSETS, Profile
from deploy.local.process import Identity
from deploy.local.servers import Servers
from deploy.local.status import show_status
from deploy.local.supervisor import down, restart_program, up
from deploy.topics import TOPICS
from tests.support.waiting import eventually

PROFILE = Profile.at("supervised", 9700)


@pytest.fixture(scope="module")
def profile() -> Iterator[Profile]:
    down(PROFILE)
    shutil.rmtree(PROFILE.directory, ignore_errors=True)
    up(PROFILE, services=())
    yield PROFILE
    down(PROFILE)


def running(profile: Profile) -> state.State:
    there = state.running(profile)
    assert there is not None
    return there


async def wait_until_serving(profile: Profile) -> None:
    async def serves() -> bool:
        return show_status(profile) == 0

    await eventually(serves, within=120, every=0.2, what="not everything serves")


def test_a_second_start_changes_nothing(profile: Profile) -> None:
    before = running(profile)
    up(profile, services=())
    assert running(profile) == before
    assert show_status(profile) == 0


def test_topics_and_rights_are_applied_again_without_any_change(profile: Profile) -> None:
    assert Kafka(profile).apply_topics() == Applied()
    admin = admin_client(broker_bootstrap(profile), keys.broker_password(profile, "admin"))
    there = admin.list_topics(timeout=10).topics
    assert {topic.name: topic.partitions for topic in TOPICS} == {
        name: len(topic.partitions) for name, topic in there.items() if not name.startswith("__")
    }


def test_a_profile_has_one_owner(profile: Profile) -> None:
    with pytest.raises(AlreadyRunning, match=str(running(profile).owner.pid)):
        Servers(profile, services=()).start()
    assert show_status(profile) == 0


@pytest.mark.parametrize("name", ["mail", "ferretdb", "postgres", "kafka"])
async def test_a_server_that_is_killed_comes_back(profile: Profile, name: str) -> None:
    before = running(profile).processes[name].main
    before.send(signal.SIGKILL)
    assert before.wait_ended(10)
    await wait_until_serving(profile)
    assert running(profile).processes[name].main != before


async def test_a_program_is_restarted_on_request(profile: Profile) -> None:
    before = running(profile).processes["mail"].main
    restart_program(profile, "mail")
    await wait_until_serving(profile)
    assert running(profile).processes["mail"].main != before


async def test_a_killed_supervisor_takes_everything_along_and_the_next_start_finds_the_data(profile: Profile) -> None:
    client: pymongo.MongoClient[dict[str, str]] = pymongo.MongoClient(store_url(profile))
    client.kept.things.insert_one({"_id": "one"})
    client.close()
    before = running(profile)
    before.owner.send(signal.SIGKILL)
    assert before.owner.wait_ended(10)
    for recorded in before.processes.values():
        assert recorded.main.wait_ended(10), f"{recorded.name} outlived its supervisor"

    up(profile, services=())
    await wait_until_serving(profile)
    client = pymongo.MongoClient(store_url(profile))
    assert client.kept.things.find_one() == {"_id": "one"}
    client.close()


def test_what_outlived_a_killed_supervisor_is_ended_by_the_next_stop(profile: Profile) -> None:
    there = running(profile)
    there.owner.send(signal.SIGSTOP)  # it can neither stop its servers nor start them again
    there.owner.send(signal.SIGKILL)
    there.owner.wait_ended(10)
    down(profile)
    assert state.read(profile) is None
    for recorded in there.processes.values():
        assert not recorded.is_alive
    down(profile)
    up(profile, services=())


def test_a_stop_leaves_no_process_and_no_port_behind(profile: Profile) -> None:
    there = running(profile)
    down(profile)
    assert Identity.of(there.owner.pid) != there.owner
    for recorded in there.processes.values():
        assert not recorded.is_alive
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", recorded.port))


def test_a_taken_port_is_told_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        own = Profile.at("ports", port - OFFSETS["kafka"])
        with pytest.raises(PortInUse, match=rf"port {port} \(kafka\) is in use by process \d+"):
            Servers(own, services=()).start()
    assert state.read(own) is None
    shutil.rmtree(own.directory, ignore_errors=True)
