/** `grpc.health.v1.Health/Check` over clear HTTP/2: one request, one small message each way. */
import { connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';

const serving = 1;
const statusNames = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
/** gRPC's status code for a method that the server does not have. */
const unimplemented = '12';

/** `stream`: a connection that is there already. */
export function grpcHealth(host: string, port: number, service: string, signal: AbortSignal, stream?: Duplex): Promise<{ ok: true } | { ok: false; message: string }> {
  return new Promise((resolve) => {
    const session = connect(`http://${host}:${port}`, stream && { createConnection: () => stream });
    const end = (message: string | undefined) => {
      resolve(message === undefined ? { ok: true } : { ok: false, message });
      session.destroy();
    };
    signal.addEventListener('abort', () => end(`timeout: failed to connect service "${host}:${port}" in time`), { once: true });
    session.once('error', (error) => end(`failed to connect service "${host}:${port}": ${error.message}`));
    const asking = session.request({
      [constants.HTTP2_HEADER_METHOD]: 'POST',
      [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
      [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
      te: 'trailers',
    });
    const body: Buffer[] = [];
    let code = '0';
    const read = (headers: Record<string, unknown>) => {
      if (headers['grpc-status'] !== undefined) code = String(headers['grpc-status']);
    };
    asking.on('response', read);
    asking.on('trailers', read);
    asking.on('data', (chunk: Buffer) => body.push(chunk));
    asking.once('error', (error) => end(error.message));
    asking.once('end', () => {
      const status = statusIn(Buffer.concat(body));
      if (code === unimplemented) end('error: this server does not implement the grpc health protocol (grpc.health.v1.Health)');
      else if (code !== '0') end(`error: health rpc probe failed: rpc error: code = ${code}`);
      else end(status === serving ? undefined : `service unhealthy (responded with "${statusNames[status] ?? status}")`);
    });
    asking.end(message(service));
  });
}

/** HealthCheckRequest { string service = 1 } behind the five bytes of gRPC framing. */
function message(service: string): Buffer {
  const name = Buffer.from(service);
  const field = name.length > 0 ? Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]) : Buffer.alloc(0);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(field.length, 1);
  return Buffer.concat([head, field]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push((value & 0x7f) | 0x80);
  return Buffer.from([...bytes, value]);
}

/** HealthCheckResponse { ServingStatus status = 1 }: absent means UNKNOWN (0). */
function statusIn(body: Buffer): number {
  return body.length >= 7 && body[5] === 0x08 ? (body[6] ?? 0) : 0;
}
