/** `grpc.health.v1.Health/Check` over clear HTTP/2: one request, one small message each way. */
import { connect, constants } from 'node:http2';

const serving = 1;

export function grpcHealth(host: string, port: number, service: string, signal: AbortSignal): Promise<{ ok: true } | { ok: false; message: string }> {
  return new Promise((resolve) => {
    const session = connect(`http://${host}:${port}`);
    const end = (message: string | undefined) => {
      resolve(message === undefined ? { ok: true } : { ok: false, message });
      session.destroy();
    };
    signal.addEventListener('abort', () => end(`timeout: failed to connect service "${host}:${port}" in time`), { once: true });
    session.once('error', (error) => end(`failed to connect service "${host}:${port}": ${error.message}`));
    const stream = session.request({
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
    stream.on('response', read);
    stream.on('trailers', read);
    stream.on('data', (chunk: Buffer) => body.push(chunk));
    stream.once('error', (error) => end(error.message));
    stream.once('end', () => {
      const status = statusIn(Buffer.concat(body));
      end(code !== '0' ? `rpc error: code = ${code}` : status === serving ? undefined : `service unhealthy (responded with status ${status})`);
    });
    stream.end(message(service));
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
