"""The announcement by mDNS."""

import asyncio
import sys

import pytest
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

from voiceagent.config.doors import WyomingSettings
from voiceagent.doors.wyoming.announcement import SERVICE, announced, service
from voiceagent.errors import VoiceAgentError


def test_a_browser_finds_the_server_and_sees_it_leave():
    async def main():
        seen: asyncio.Queue = asyncio.Queue()

        def changed(zeroconf, service_type, name, state_change):
            seen.put_nowait((name, state_change))

        async with asyncio.timeout(30), AsyncZeroconf(interfaces=["127.0.0.1"]) as home:
            browser = AsyncServiceBrowser(home.zeroconf, SERVICE, handlers=[changed])
            async with announced("127.0.0.1", 10_300):
                name, state = await seen.get()
                assert state is ServiceStateChange.Added
                info = await home.async_get_service_info(SERVICE, name)
                assert (info.parsed_addresses(), info.port) == (["127.0.0.1"], 10_300)
            while (await seen.get())[1] is not ServiceStateChange.Removed:
                pass
            await browser.async_cancel()

    asyncio.run(main())


def test_a_server_on_every_address_is_announced_at_one_that_others_reach():
    (address,) = service("0.0.0.0", 10_300).parsed_addresses()
    assert address != "0.0.0.0"


def test_without_the_package_the_setting_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeroconf.asyncio", None)

    async def main():
        async with announced("127.0.0.1", 10_300):
            pass

    with pytest.raises(VoiceAgentError, match=r"pip install 'voiceagent\[zeroconf\]'"):
        asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_what_only_this_machine_reaches_is_not_announced(host):
    with pytest.raises(ValueError, match="that other machines reach"):
        WyomingSettings(host=host, announce=True)
    assert WyomingSettings(host="0.0.0.0", announce=True).announce
