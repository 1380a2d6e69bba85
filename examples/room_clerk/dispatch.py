#!/usr/bin/env python3
"""Dispatches an agent into a room of a LiveKit server, as an application would: one HTTP call.

    export LIVEKIT_URL=ws://127.0.0.1:7880 LIVEKIT_API_KEY=devkey LIVEKIT_API_SECRET=...
    examples/room_clerk/dispatch.py hall clerk 'sleep=2s'        the room is made if there is none
    examples/room_clerk/dispatch.py --list hall
    examples/room_clerk/dispatch.py --delete AD_... hall         ends the job

Standard library only. Exit: 0 done, 1 the server refused, 64 usage, 69 no server there.
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request

TIMEOUT = 15


def token(key, secret, video):
    """A JWT, HS256, good for a minute."""

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    text = part({"alg": "HS256", "typ": "JWT"}) + "." + part({"iss": key, "exp": int(time.time()) + 60, "video": video})
    signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return text + "." + base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def http(url):
    """The server's URL for calls: http for ws, https for wss."""
    scheme, separator, rest = url.partition("://")
    return {"ws": "http", "wss": "https"}.get(scheme.lower(), scheme) + separator + rest.rstrip("/")


def call(method, room, **fields):
    url = http(os.environ["LIVEKIT_URL"])
    bearer = token(os.environ["LIVEKIT_API_KEY"], os.environ["LIVEKIT_API_SECRET"], {"roomAdmin": True, "room": room})
    request = urllib.request.Request(
        f"{url}/twirp/livekit.AgentDispatchService/{method}",
        json.dumps({"room": room, **fields}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer " + bearer},
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        return json.load(answer)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda text: (print(f"dispatch: {text}; see --help", file=sys.stderr), sys.exit(64))
    parser.add_argument("room")
    parser.add_argument("agent", nargs="?", default="", help="none: the unnamed one")
    parser.add_argument("metadata", nargs="?", default="", help="for the job")
    parser.add_argument("--list", action="store_true", help="what is dispatched in the room")
    parser.add_argument("--delete", metavar="ID", help="a dispatch of the room")
    options = parser.parse_args()
    missing = [name for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET") if not os.environ.get(name)]
    if missing:
        parser.error("set " + ", ".join(missing))
    try:
        if options.delete:
            call("DeleteDispatch", options.room, dispatch_id=options.delete)
        elif options.list:
            for dispatch in call("ListDispatch", options.room)["agent_dispatches"]:
                jobs = [f"{job['id']} {job['state']['status']}" for job in dispatch["state"]["jobs"]]
                print(dispatch["id"], dispatch["agent_name"] or "(unnamed)", *jobs)
        else:
            print(call("CreateDispatch", options.room, agent_name=options.agent, metadata=options.metadata)["id"])
    except urllib.error.HTTPError as refused:
        print(f"dispatch: {refused.code}: {refused.read().decode(errors='replace')}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"dispatch: no server at {os.environ['LIVEKIT_URL']}: {error}", file=sys.stderr)
        return 69
    return 0


if __name__ == "__main__":
    sys.exit(main())
