"""Later offers of a connected caller: the connection changes, the session goes on."""

import asyncio

from aioice import Candidate, Connection
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from loopback import open_server

from benchmarks.caller import Caller
from benchmarks.listener import Timeline
from benchmarks.microphone import Microphone
from voiceagent.doors.webrtc import peer as peer_module
from voiceagent.doors.webrtc.ice import RestartableIce

PATIENCE_S = 20


async def later_offer(house, caller, pc_id, sdp=None):
    """Send an offer for a connection that is up, and take the answer."""
    if sdp is None:
        await caller._pc.setLocalDescription(await caller._pc.createOffer())
        sdp = caller._pc.localDescription.sdp
    answer = await house.http.post("/page/offer", json={"sdp": sdp, "type": "offer", "pc_id": pc_id})
    assert answer.status_code == 200, answer.text
    assert answer.json()["pc_id"] == pc_id
    return answer.json()


async def talks_on(house, caller, session, answers):
    """The caller is heard and answered, in the session that it was in."""
    heard = (await house.sessions())[0]["receive"]["received"]
    packets = len(caller.heard.packets)
    caller.send({"type": "text", "text": "are you still there"})
    ends = lambda: sum(1 for message in caller.messages if message.kind == "agent.end")  # noqa: E731
    await caller.until(lambda: ends() > answers or None, PATIENCE_S, "an answer")
    await caller.until(lambda: len(caller.heard.packets) > packets + 10 or None, PATIENCE_S, "sound")
    (now,) = await house.sessions()
    assert now["session"] == session
    assert now["receive"]["received"] > heard + 5


def call(scene):
    async def main():
        async with open_server() as house, Caller(house.url) as caller:
            (before,) = await house.sessions()
            await scene(house, caller, caller.pc_id, before["session"])

    asyncio.run(main())


def test_a_second_offer_renegotiates_the_same_session():
    async def scene(house, caller, pc_id, session):
        answer = await later_offer(house, caller, pc_id)
        await caller._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        await talks_on(house, caller, session, 0)
        caller._pc.addTransceiver("audio", direction="recvonly")
        answer = await later_offer(house, caller, pc_id)
        await caller._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        await talks_on(house, caller, session, 1)

    call(scene)


async def restarted(ice, sdp, answer_to):
    """Restart ICE as a browser does; `answer_to` gets the offer and returns the answer's SDP."""
    upcoming = Connection(ice_controlling=True)
    await upcoming.gather_candidates()
    kept = [line for line in sdp.splitlines() if not line.startswith(("a=candidate", "a=ice-", "a=end-of"))]
    fresh = [f"a=ice-ufrag:{upcoming.local_username}", f"a=ice-pwd:{upcoming.local_password}"]
    fresh += [f"a=candidate:{candidate.to_sdp()}" for candidate in upcoming.local_candidates]
    offer = "".join(line + "\r\n" for media in kept for line in (media, *(fresh if media.startswith("c=") else ())))
    answer = (await answer_to(offer)).splitlines()
    value = lambda name: next(line.split(":", 1)[1] for line in answer if line.startswith(f"a={name}:"))  # noqa: E731
    upcoming.remote_username, upcoming.remote_password = value("ice-ufrag"), value("ice-pwd")
    for line in set(answer):
        if line.startswith("a=candidate:"):
            await upcoming.add_remote_candidate(Candidate.from_sdp(line.removeprefix("a=candidate:")))
    ice._next = upcoming
    ice._switching = asyncio.create_task(ice._switch(upcoming))
    await ice._switching
    assert ice._current is upcoming, "the new connection did not come up"


def way(ice):
    """Return both ends of the connection that packets take."""
    (pair,) = ice._current._nominated.values()
    return pair.local_addr, pair.remote_addr


def test_an_ice_restart_keeps_the_session_its_channel_and_its_sound():
    async def main():
        async with open_server() as house:
            caller = Caller(house.url)
            ice = RestartableIce(lambda: Connection(ice_controlling=True))
            caller._note_arrivals = lambda: None
            caller._pc = RTCPeerConnection(RTCConfiguration([], bundlePolicy="max-bundle"))
            caller._transceiver = caller._pc.addTransceiver(caller._microphone, direction="sendrecv")
            caller._channel = caller._pc.createDataChannel("any label")
            caller._channel.on("message", caller._on_message)
            ice.install(caller._pc)
            async with caller:
                session = (await house.sessions())[0]["session"]
                addresses = [way(ice)]
                for restart in range(2):
                    sdp = caller._pc.localDescription.sdp

                    async def answer_to(offer):
                        return (await later_offer(house, caller, caller.pc_id, offer))["sdp"]

                    await restarted(ice, sdp, answer_to)
                    await talks_on(house, caller, session, restart)
                    addresses.append(way(ice))
                assert len({local for local, _ in addresses}) == len({remote for _, remote in addresses}) == 3

    asyncio.run(main())


def test_another_connection_of_the_caller_replaces_the_first():
    async def scene(house, caller, pc_id, session):
        first, received = caller._pc, len(caller.heard.packets)
        old = caller._transceiver.receiver
        caller._pc, caller.heard = RTCPeerConnection(RTCConfiguration([])), Timeline()  # of another stream
        caller._microphone = Microphone()
        caller._transceiver = caller._pc.addTransceiver(caller._microphone, direction="sendrecv")
        caller._channel = caller._pc.createDataChannel("voiceagent")
        caller._channel.on("message", caller._on_message)
        caller._transceiver.receiver._RTCRtpReceiver__jitter_buffer = old._RTCRtpReceiver__jitter_buffer
        old._RTCRtpReceiver__jitter_buffer = DeafTap()
        answer = await later_offer(house, caller, pc_id)
        await caller._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        async with asyncio.timeout(PATIENCE_S):
            while caller._channel.readyState != "open" or first.connectionState != "closed":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert received > 0
        await talks_on(house, caller, session, 0)
        answer = await later_offer(house, caller, pc_id)
        await caller._pc.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))
        await talks_on(house, caller, session, 1)

    call(scene)


class DeafTap:
    def add(self, packet):
        return False, None


def test_an_offer_that_cannot_be_answered_leaves_the_call_as_it_was():
    async def scene(house, caller, pc_id, session):
        for sdp in ("v=0\r\nm=audio 9 X 0\r\n", "garbage", caller._pc.localDescription.sdp.replace("a=setup", "a=x")):
            bad = await house.http.post("/page/offer", json={"sdp": sdp, "type": "offer", "pc_id": pc_id})
            assert (bad.status_code, bad.json()["error"]["code"]) == (400, "bad_sdp")
        await talks_on(house, caller, session, 0)

    call(scene)


def test_an_offer_for_a_call_that_is_over_is_told_apart():
    async def scene(house, caller, pc_id, session):
        for unknown in ("nobody", 7, ""):
            body = {"sdp": caller._pc.localDescription.sdp, "type": "offer", "pc_id": unknown}
            answer = await house.http.post("/page/offer", json=body)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_session")
        assert len(await house.sessions()) == 1

    call(scene)


def test_a_connection_that_never_comes_up_does_not_end_the_one_that_is(monkeypatch):
    monkeypatch.setattr(peer_module, "GONE_S", 2.0)

    async def scene(house, caller, pc_id, session):
        ghost = RTCPeerConnection(RTCConfiguration([]))
        ghost.addTransceiver("audio")
        await ghost.setLocalDescription(await ghost.createOffer())
        await later_offer(house, caller, pc_id, ghost.localDescription.sdp)
        await ghost.close()
        await talks_on(house, caller, session, 0)

    call(scene)
