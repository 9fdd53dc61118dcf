import { createConnection, createServer, type Socket } from 'node:net';
import { pathToFileURL } from 'node:url';

/**
 * The yardstick: the same three processes and the same sockets, with nothing but a copy of bytes
 * in them. `source LISTEN SIZE SECONDS` writes blocks, `relay FROM LISTEN` passes them on, `sink FROM`
 * counts them and prints a line of JSON. Run by the benchmarks, each as a process.
 */
function main(): void {
  const [role, ...args] = process.argv.slice(2);
  if (role === 'source') source(args[0]!, Number(args[1]), Number(args[2]));
  else if (role === 'relay') relay(args[0]!, args[1]!);
  else if (role === 'sink') sink(args[0]!);
  else throw new Error(`raw-copy: no role '${role}'`);
}

/** One block a write, as one frame is one write on the real path; waits where the socket is full. */
function source(path: string, size: number, seconds: number): void {
  const block = Buffer.alloc(size, 0x55);
  const server = createServer((socket) => {
    server.close();
    const end = performance.now() + seconds * 1000;
    const pump = (): void => {
      for (let i = 0; i < 64; i++) {
        if (performance.now() >= end) {
          socket.end();
          return;
        }
        if (!socket.write(block)) {
          socket.once('drain', pump);
          return;
        }
      }
      setImmediate(pump);
    };
    pump();
  });
  server.listen(path, () => console.log('ready'));
}

function relay(from: string, path: string): void {
  const server = createServer((out) => {
    server.close();
    createConnection(from).pipe(out);
  });
  server.listen(path, () => console.log('ready'));
}

function sink(from: string): void {
  let bytes = 0;
  let start = 0;
  const socket: Socket = createConnection(from);
  socket.on('data', (chunk) => {
    if (bytes === 0) start = performance.now();
    bytes += chunk.length;
  });
  socket.on('end', () => {
    const seconds = (performance.now() - start) / 1000;
    console.log(JSON.stringify({ bytes, seconds }));
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) main();
