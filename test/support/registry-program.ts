/** A registry in a process of its own, to be killed: `<directory> [file of streams as memoryStreams takes them]`. Tells its URL; sweeps when it is sent `sweep`. */
import { readFileSync } from 'node:fs';
import { memoryStreams, startRegistry } from './registry.ts';

const [directory = '', file] = process.argv.slice(2);
const streams = memoryStreams(file ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>) : {});
const registry = await startRegistry({ directory, streams });
process.on('message', () => void registry.sweep().then((result) => process.send?.(result)));
process.send?.(registry.url);
