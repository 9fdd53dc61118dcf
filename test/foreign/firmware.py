#!/usr/bin/env python3
"""Firmware written from docs/protocol.md alone, in another language, to hold that document to the daemon.

    firmware.py SOCKET [--plain] [--no-irq] [--no-stamp] [--no-queue] [--no-resume] [--corrupt P]

Listens on a Unix socket, serves one controller with four lines and talks to one peer after the other.
Commands on stdin, one a line: `edge LINE` toggles an input; `edges LINE N` toggles it N times; `break` drops
the connection; `reboot` starts anew. Answers on stdout, as JSON: what was sensed, and outputs as they change.
"""

import argparse
import json
import os
import random
import select
import socket
import struct
import sys
import time
import zlib

OUR_WINDOW, OUR_MAX_PAYLOAD, OUR_MAX_MSG = 3, 200, 200
NAMES = [b"BUTTON", b"LAMP", b"", b"VALVE"]
EVENT_DEPTH, QUEUE_SIZE = 4, 16
DATA, ACK, PLAIN, RESET = 0, 1, 2, 3
F_TIME, F_RESUME = 1, 4


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 7_000_000_000_000


def tell(**what):
    print(json.dumps(what), flush=True)


def stuff(data):
    out = bytearray()
    runs = data.split(b"\0")
    for index, run in enumerate(runs):
        while len(run) >= 254:
            out += b"\xff" + run[:254]
            run = run[254:]
            if not run and index == len(runs) - 1:
                return bytes(out)
        out += bytes([len(run) + 1]) + run
    return bytes(out)


def unstuff(data):
    out, at = bytearray(), 0
    while at < len(data):
        code = data[at]
        if at + code > len(data):
            return None
        out += data[at + 1 : at + code]
        at += code
        if code < 0xFF and at < len(data):
            out.append(0)
    return bytes(out)


class Link:
    """The serial link: section "Serial link"."""

    def __init__(self, options, up):
        self.options, self.up = options, up
        self.session, self.own_session = None, 0
        self.forget()
        self.rst_at, self.rst_wait, self.last_rst = 0.0, 0.1, 0.0
        self.acted_nak, self.timer, self.timer_wait = None, None, 0.3

    def forget(self):
        self.vs = self.va = self.vr = 0
        self.sent, self.outbox, self.misses = {}, [], 0
        self.nak_at, self.ack_at, self.owed = None, None, 0
        self.acted_nak, self.timer, self.timer_wait = None, None, 0.3
        self.window, self.max_payload = OUR_WINDOW, OUR_MAX_PAYLOAD

    def opened(self, sock):
        self.sock, self.input = sock, b""
        self.begin()

    def begin(self):
        self.session, self.own_session = None, random.randrange(1, 1 << 32)
        self.forget()
        self.rst_at, self.rst_wait = time.monotonic(), 0.1

    def write(self, control, payload=b""):
        body = bytes([control]) + payload
        wire = bytearray(stuff(body + struct.pack("<I", zlib.crc32(body))) + b"\0")
        for at in range(len(wire)):
            if random.random() < self.options.corrupt:
                wire[at] ^= 1 << random.randrange(8)
        self.sock.sendall(wire)

    def reset_payload(self, session):
        return struct.pack("<BBHI", 1, OUR_WINDOW, OUR_MAX_PAYLOAD, session)

    def send_rst(self):
        self.last_rst = time.monotonic()
        self.write(RESET << 6 | 0, self.reset_payload(self.own_session))

    def received(self, data):
        data = bytes(b ^ 16 if random.random() < self.options.corrupt else b for b in data)
        self.input += data
        while b"\0" in self.input:
            wire, self.input = self.input.split(b"\0", 1)
            frame = unstuff(wire) if wire else None
            if frame is None or not 5 <= len(frame) <= 5 + 1024:
                continue
            body, crc = frame[:-4], struct.unpack("<I", frame[-4:])[0]
            if zlib.crc32(body) == crc:
                self.frame(body[0], body[1:])
        self.pump()

    def frame(self, control, payload):
        kind = control >> 6
        if self.options.plain:
            if control == PLAIN << 6:
                self.up.packet(payload)
            return
        if kind == RESET and control & 0x3F == 0 and len(payload) >= 8:
            self.on_rst(*struct.unpack("<BBHI", payload[:8]))
        elif kind in (DATA, ACK) and self.session is None:
            if time.monotonic() - self.last_rst >= 0.1:
                self.send_rst()
        elif kind == ACK and control & 0x30 == 0 and not payload:
            self.acknowledged(control & 7)
            if control & 8:
                self.on_nak(control & 7)
        elif kind == DATA and len(payload) <= OUR_MAX_PAYLOAD:
            self.acknowledged(control & 7)
            self.on_data(control >> 3 & 7, payload)

    def on_rst(self, version, window, max_payload, session):
        if version != 1 or not 1 <= window <= 7 or max_payload < 64:
            return
        if session != self.session:
            self.forget()
            self.session = session
            self.window, self.max_payload = min(window, OUR_WINDOW), min(max_payload, OUR_MAX_PAYLOAD)
            self.write(RESET << 6 | 1, self.reset_payload(session))
            self.up.channel_opened()
        else:
            self.write(RESET << 6 | 1, self.reset_payload(session))

    def acknowledged(self, nr):
        count = (nr - self.va) % 8
        if 0 < count <= (self.vs - self.va) % 8:
            self.va, self.misses, self.timer_wait = nr, 0, 0.3
            self.timer = None if nr == self.vs else time.monotonic() + self.timer_wait

    def on_nak(self, nr):
        if self.va != self.vs and self.acted_nak != nr:
            self.acted_nak = nr
            self.resend()

    def on_data(self, ns, payload):
        if ns == self.vr:
            self.vr, self.nak_at = (self.vr + 1) % 8, None
            self.owe_ack()
            self.up.packet(payload)
        elif self.nak_at is None or time.monotonic() - self.nak_at >= 0.1:
            self.nak_at = time.monotonic()
            self.acknowledge(ACK << 6 | 8 | self.vr)
        else:
            self.owe_ack()

    def owe_ack(self):
        self.owed += 1
        if self.ack_at is None:
            self.ack_at = time.monotonic() + 0.015

    def acknowledge(self, control):
        self.ack_at, self.owed = None, 0
        self.write(control)

    def resend(self):
        for number in range((self.vs - self.va) % 8):
            ns = (self.va + number) % 8
            self.write(DATA << 6 | ns << 3 | self.vr, self.sent[ns])
        self.timer = time.monotonic() + self.timer_wait

    def send(self, packet):
        if self.options.plain:
            self.write(PLAIN << 6, packet)
        elif self.session is not None:
            self.outbox.append(packet)

    def has_room(self):
        return self.options.plain or (self.session is not None and len(self.outbox) < 4)

    def pump(self):
        while self.outbox and (self.vs - self.va) % 8 < self.window:
            packet = self.outbox.pop(0)
            self.sent[self.vs] = packet
            self.ack_at, self.owed = None, 0
            self.write(DATA << 6 | self.vs << 3 | self.vr, packet)
            self.vs = (self.vs + 1) % 8
            self.timer = self.timer or time.monotonic() + self.timer_wait
            self.up.room()
        if self.session is not None and self.owed * 2 >= self.window:
            self.acknowledge(ACK << 6 | self.vr)

    def tick(self):
        now = time.monotonic()
        if self.options.plain:
            self.up.plain_tick(now)
            return
        if self.session is None and now >= self.rst_at:
            self.send_rst()
            self.rst_at, self.rst_wait = now + self.rst_wait, min(0.5, self.rst_wait * 2)
        if self.ack_at is not None and now >= self.ack_at:
            self.acknowledge(ACK << 6 | self.vr)
        if self.timer is not None and now >= self.timer:
            self.misses += 1
            self.acted_nak = None
            if self.misses > 10:
                self.begin()
                return
            self.timer_wait = min(1.0, self.timer_wait * 2)
            self.resend()
        self.pump()


class Line:
    def __init__(self):
        self.forget()
        self.pin = self.seq = 0

    def forget(self):
        self.direction = self.type = self.value = 0
        self.buffers, self.kept, self.owes, self.last_level = [], [], False, 0


class Firmware:
    """The bus and its one controller: sections "Messages", "virtio-gpio" and "Extensions"."""

    def __init__(self, options):
        self.options, self.link = options, Link(options, self)
        self.lines = [Line() for _ in NAMES]
        self.sensed = 0
        self.start()

    def start(self):
        self.boot_id = random.randrange(1, 1 << 32)
        self.hello, self.boot_sent = False, 0.0
        self.reset()

    def reset(self):
        self.status, self.driver_features = 0, [0, 0]
        for line in self.lines:
            line.forget()

    @property
    def features(self):
        o = self.options
        irq = 0 if o.no_irq else 1
        stamp = 0 if o.no_irq or o.no_stamp else 1 << 30
        queue = 0 if not stamp or o.no_queue else 1 << 31
        return [irq, 1 | stamp | queue]

    def negotiated(self, bit):
        return self.driver_features[bit // 32] >> bit % 32 & 1

    def names(self):
        return b"".join(name + b"\0" for name in NAMES)

    def config(self):
        depth = EVENT_DEPTH if self.features[1] >> 31 else 0
        config = struct.pack("<HHI", len(NAMES), 0, len(self.names()))
        return config + struct.pack("<H6x", depth) if depth else config

    # --- messages -----------------------------------------------------------------------------

    def channel_opened(self):
        self.hello = False
        self.event(True, 0xC0, struct.pack("<I", self.boot_id))

    def plain_tick(self, now):
        if not self.hello and now - self.boot_sent > 1:
            self.boot_sent = now
            self.event(True, 0xC0, struct.pack("<I", self.boot_id))

    def event(self, bus, msg_id, body):
        self.link.send(struct.pack("<BBHHH", 2 if bus else 0, msg_id, 0, 0, 8 + len(body)) + body)

    def packet(self, packet):
        arrived = now_ns()
        if len(packet) < 8:
            return
        kind, msg_id, dev, token, size = struct.unpack("<BBHHH", packet[:8])
        body = packet[8:size]
        if size < 8 or size > len(packet) or kind & 1:
            return
        bus = kind >> 1 & 1
        is_event = 0xC0 <= msg_id or 0x40 <= msg_id < 0x80
        if not is_event and token == 0 or not self.hello and (bus, msg_id) != (1, 0x80):
            return

        def reply(answer):
            self.link.send(struct.pack("<BBHHH", kind | 1, msg_id, dev, token, 8 + len(answer)) + answer)

        try:
            (self.bus_message if bus else self.transport_message)(msg_id, dev, body, reply, arrived)
        except struct.error:
            pass

    def bus_message(self, msg_id, _dev, body, reply, arrived):
        if msg_id == 0x80:
            _revision, _size, _features, known = struct.unpack("<HHII", body[:12])
            resume = known == self.boot_id and self.status & 4 and not self.options.no_resume
            if resume:
                for line in self.lines:
                    line.buffers.clear()
                    line.owes = line.type != 0
                self.link.outbox.clear()
            else:
                self.reset()
            self.hello = True
            features = F_TIME | (0 if self.options.no_resume else F_RESUME)
            ident = b"foreign-fw 0.1".ljust(32, b"\0")
            reply(struct.pack("<HHIII", 1, OUR_MAX_MSG, features, self.boot_id, 1 if resume else 0) + ident)
            tell(hello=True, resumed=bool(resume))
        elif msg_id == 0x02:
            offset = struct.unpack("<H", body[:2])[0]
            reply(struct.pack("<HHHB", offset, 8, 0, 2 if offset == 0 else 0))
        elif msg_id == 0x03:
            reply(body[:4])
        elif msg_id == 0x81:
            reply(body[:8] + struct.pack("<QQ", arrived, now_ns()))
        elif msg_id == 0xC1:
            self.vq_avail(body)

    def transport_message(self, msg_id, dev, body, reply, _arrived):
        if dev != 1:
            if msg_id == 0x02:
                reply(bytes(24))
            return
        if msg_id == 0x02:
            queues = 1 if self.options.no_irq else 2
            reply(struct.pack("<IIIIIHH", 41, 0, 64, len(self.config()), queues, 0, 0))
        elif msg_id == 0x03:
            block, count = struct.unpack("<II", body[:8])
            bits = [self.features[b] if b < 2 else 0 for b in range(block, block + min(count, 8))]
            reply(struct.pack(f"<II{len(bits)}I", block, len(bits), *bits))
        elif msg_id == 0x04:
            block, count = struct.unpack("<II", body[:8])
            for index in range(count):
                if block + index < 2:
                    self.driver_features[block + index] = struct.unpack_from("<I", body, 8 + 4 * index)[0]
            reply(b"")
        elif msg_id == 0x05:
            offset, length = struct.unpack("<II", body[:8])
            part = self.config()[offset : offset + min(length, OUR_MAX_MSG - 20)]
            reply(struct.pack("<III", 0, offset, len(part)) + part)
        elif msg_id == 0x07:
            reply(struct.pack("<I", self.status))
        elif msg_id == 0x08:
            self.status = struct.unpack("<I", body[:4])[0]
            if self.status == 0:
                self.reset()
            reply(struct.pack("<I", self.status))
        elif msg_id == 0x09:
            reply(struct.pack("<IIII24x", struct.unpack("<I", body[:4])[0], QUEUE_SIZE, 0, 0))
        elif msg_id == 0x0A:
            reply(b"")

    def vq_avail(self, body):
        dev, queue, count = struct.unpack("<HBB", body[:4])
        if dev != 1 or queue > 1 or not self.status & 4:
            return
        at, buffers = 4, []
        for _ in range(count):
            ident, room, length = struct.unpack_from("<HHH", body, at)
            out = body[at + 6 : at + 6 + length]
            if len(out) < length:
                return
            buffers.append((ident, room, out))
            at += 6 + length
        for ident, room, out in buffers:
            if queue == 0:
                answer = self.request(out)
                self.used(0, ident, answer if len(answer) <= room else b"\1\0"[:room])
            else:
                self.event_buffer(ident, room, out)

    def used(self, queue, ident, answer):
        self.event(True, 0xC2, struct.pack("<HBBHH", 1, queue, 1, ident, len(answer)) + answer)

    # --- virtio-gpio --------------------------------------------------------------------------

    def request(self, out):
        error = b"\1\0"
        if len(out) < 8:
            return error
        kind, number, value = struct.unpack("<HHI", out[:8])
        if kind == 1:
            return b"\0" + self.names()
        if number >= len(self.lines):
            return error
        line = self.lines[number]
        if kind == 2:
            return bytes([0, line.direction])
        if kind == 3 and value <= 2 and not (value == 1 and line.type):
            if value == 0:
                self.disable(line)
                line.forget()
            line.direction = value
            self.drive(number)
            return b"\0\0"
        if kind == 4:
            return bytes([0, line.value if line.direction == 1 else line.pin])
        if kind == 5 and value <= 1:
            line.value = value
            self.drive(number)
            return b"\0\0"
        if kind == 6 and line.direction != 1 and not self.options.no_irq:
            return b"\0\0" if self.set_type(line, value) else error
        return error

    def drive(self, number):
        line = self.lines[number]
        if line.direction == 1:
            tell(output=number, level=line.value)

    def set_type(self, line, kind):
        if kind == line.type:
            return True
        if kind == 0:
            self.disable(line)
            return True
        if line.type or kind not in (1, 2, 3):
            return False
        line.type, line.seq, line.last_level = kind, 0, line.pin
        line.kept.clear()
        line.owes = False
        return True

    def disable(self, line):
        line.type, line.owes = 0, False
        line.kept.clear()
        while line.buffers:
            self.return_invalid(line)

    def response(self, status, level, seq, at):
        if self.negotiated(62):
            return struct.pack("<BBHIQ", status, level, 0, seq & 0xFFFFFFFF, at)
        return bytes([status])

    def return_invalid(self, line, ident=None):
        ident = line.buffers.pop(0) if ident is None else ident
        self.used(1, ident, self.response(0, line.pin, line.seq, now_ns()))

    def depth(self):
        return EVENT_DEPTH if self.negotiated(63) else 1

    def event_buffer(self, ident, room, out):
        need = 16 if self.negotiated(62) else 1
        number = struct.unpack("<H", out[:2])[0] if len(out) >= 2 else len(self.lines)
        if number >= len(self.lines) or room < need:
            self.used(1, ident, bytes(min(room, need)))
            return
        line = self.lines[number]
        if line.type == 0 or len(line.buffers) >= self.depth():
            self.return_invalid(line, ident)
            return
        line.buffers.append(ident)
        self.deliver(line)

    def deliver(self, line):
        while line.buffers and line.kept and self.link.has_room():
            self.used(1, line.buffers.pop(0), self.response(1, *line.kept.pop(0)))
        if line.owes and line.buffers and not line.kept and self.negotiated(62):
            line.owes = False
            self.return_invalid(line)

    def room(self):
        for line in self.lines:
            self.deliver(line)

    def edge(self, number):
        line = self.lines[number]
        line.pin ^= 1
        if line.type not in (3, 1 if line.pin else 2):
            return
        line.seq += 1
        line.last_level = line.pin
        self.sensed += 1
        if len(line.kept) < self.depth():
            line.kept.append((line.pin, line.seq, now_ns()))
        else:
            line.owes = True
        self.deliver(line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    for flag in ("plain", "no-irq", "no-stamp", "no-queue", "no-resume"):
        parser.add_argument(f"--{flag}", action="store_true")
    parser.add_argument("--corrupt", type=float, default=0.0)
    options = parser.parse_args()
    server = socket.socket(socket.AF_UNIX)
    server.bind(options.socket)
    server.listen(1)
    tell(listening=True)
    firmware, peer, typed = Firmware(options), None, b""

    while True:
        watched = [sys.stdin.fileno(), peer if peer else server]
        ready, _, _ = select.select(watched, [], [], 0.005)
        try:
            if server in ready:
                peer, _ = server.accept()
                firmware.hello = False
                firmware.link.opened(peer)
            if peer in ready:
                data = peer.recv(65536)
                if not data:
                    raise ConnectionError
                firmware.link.received(data)
            if sys.stdin.fileno() in ready:
                read = os.read(0, 4096)
                if not read:
                    return
                typed += read
                while b"\n" in typed:
                    command, typed = typed.split(b"\n", 1)
                    peer = act(firmware, peer, command.split())
            if peer:
                firmware.link.tick()
        except (ConnectionError, BrokenPipeError):
            peer = None


def act(firmware, peer, words):
    if words[0] in (b"edge", b"edges"):
        for _ in range(int(words[2]) if len(words) > 2 else 1):
            firmware.edge(int(words[1]))
        tell(sensed=firmware.sensed)
    elif words[0] == b"reboot":
        firmware.start()
        for line in firmware.lines:
            line.seq = 0
        firmware.link.begin()
    elif words[0] == b"break" and peer:
        peer.close()
        return None
    return peer


if __name__ == "__main__":
    main()
