/** The end of a log as text, for termination messages. */
import { readLog } from './log-reader.ts';

export async function tailOfLog(logPath: string, lines: number, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  const never = new AbortController().signal;
  for await (const chunk of readLog(logPath, { follow: false, tailLines: lines, timestamps: false }, never, never)) chunks.push(chunk);
  return Buffer.concat(chunks).subarray(-bytes).toString();
}
