import { koffi } from './koffi.js';

/** The C library's functions that Node has no equal of, bound at their first use. */
export interface Libc {
  clock_gettime(clock: number, timespec: Buffer): number;
  read(fd: number, into: Uint8Array, length: number): number;
  write(fd: number, from: Uint8Array, length: number): number;
  ioctl(fd: number, request: number, argument: Buffer | null): number;
  poll(fds: Buffer, count: number, timeoutMs: number): number;
  flock(fd: number, operation: number): number;
  tcgetattr(fd: number, termios: Buffer): number;
  tcsetattr(fd: number, actions: number, termios: Buffer): number;
  tcflush(fd: number, queue: number): number;
  cfmakeraw(termios: Buffer): void;
  posix_openpt(flags: number): number;
  grantpt(fd: number): number;
  unlockpt(fd: number): number;
  ptsname_r(fd: number, name: Buffer, length: number): number;
  inotify_init1(flags: number): number;
  inotify_add_watch(fd: number, path: string, mask: number): number;
  getsockopt(fd: number, level: number, name: number, value: Buffer, length: Buffer): number;
  socket(domain: number, type: number, protocol: number): number;
  socketpair(domain: number, type: number, protocol: number, pair: Buffer): number;
  bind(fd: number, address: Uint8Array, addressLength: number): number;
  listen(fd: number, backlog: number): number;
  connect(fd: number, address: Uint8Array, addressLength: number): number;
  accept4(fd: number, address: null, addressLength: null, flags: number): number;
  sendto(
    fd: number,
    from: Uint8Array,
    length: number,
    flags: number,
    address: Uint8Array,
    addressLength: number,
  ): number;
  sendmsg(fd: number, message: unknown, flags: number): number;
  recvmsg(fd: number, message: unknown, flags: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  eventfd(initial: number, flags: number): number;
  memfd_create(name: string, flags: number): number;
  /** The address, or all bits set when it failed. */
  mmap(
    address: null,
    length: number,
    protection: number,
    flags: number,
    fd: number,
    offset: number,
  ): number | bigint;
  munmap(address: number | bigint, length: number): number;
}

export function libc(): Libc {
  bound ??= bind();
  return bound;
}

/** `errno` right after a call that failed. */
export function lastErrno(): number {
  return koffi().errno();
}

let bound: Libc | undefined;

function bind(): Libc {
  // null: what this process has loaded already, be it glibc or musl.
  const library = koffi().load(null);
  const functions = Object.fromEntries(
    Object.entries(PROTOTYPES).map(([name, prototype]) => [name, library.func(prototype)]),
  );
  return functions as unknown as Libc;
}

// ioctl and fcntl are variadic in C; on every Linux ABI that we run on, their argument goes where a fixed one goes.
const PROTOTYPES: Readonly<Record<keyof Libc, string>> = {
  clock_gettime: 'int clock_gettime(int clock, void *timespec)',
  read: 'intptr_t read(int fd, void *into, size_t length)',
  write: 'intptr_t write(int fd, const void *from, size_t length)',
  ioctl: 'int ioctl(int fd, ulong request, void *argument)',
  poll: 'int poll(void *fds, ulong count, int timeout)',
  flock: 'int flock(int fd, int operation)',
  tcgetattr: 'int tcgetattr(int fd, void *termios)',
  tcsetattr: 'int tcsetattr(int fd, int actions, const void *termios)',
  tcflush: 'int tcflush(int fd, int queue)',
  cfmakeraw: 'void cfmakeraw(void *termios)',
  posix_openpt: 'int posix_openpt(int flags)',
  grantpt: 'int grantpt(int fd)',
  unlockpt: 'int unlockpt(int fd)',
  ptsname_r: 'int ptsname_r(int fd, void *name, size_t length)',
  inotify_init1: 'int inotify_init1(int flags)',
  inotify_add_watch: 'int inotify_add_watch(int fd, const char *path, uint32_t mask)',
  getsockopt: 'int getsockopt(int fd, int level, int name, void *value, void *length)',
  socket: 'int socket(int domain, int type, int protocol)',
  socketpair: 'int socketpair(int domain, int type, int protocol, void *pair)',
  bind: 'int bind(int fd, const void *address, uint32_t addressLength)',
  listen: 'int listen(int fd, int backlog)',
  connect: 'int connect(int fd, const void *address, uint32_t addressLength)',
  accept4: 'int accept4(int fd, void *address, void *addressLength, int flags)',
  sendto:
    'intptr_t sendto(int fd, const void *from, size_t length, int flags, const void *address, uint32_t addressLength)',
  sendmsg: 'intptr_t sendmsg(int fd, const void *message, int flags)',
  recvmsg: 'intptr_t recvmsg(int fd, void *message, int flags)',
  fcntl: 'int fcntl(int fd, int command, long argument)',
  eventfd: 'int eventfd(uint initial, int flags)',
  memfd_create: 'int memfd_create(const char *name, uint flags)',
  mmap: 'uintptr_t mmap(void *address, size_t length, int protection, int flags, int fd, int64_t offset)',
  munmap: 'int munmap(uintptr_t address, size_t length)',
};
