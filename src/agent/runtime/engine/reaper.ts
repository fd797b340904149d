/** Ends the processes of a command whose client went away: by the variable they carry, from a container that sees the other one's processes. */
import type { EngineClient } from './engine-client.ts';
import type { RunnableImage } from './engine-images.ts';
import { ownLabels, type Owner } from './container-body.ts';
import { execVariable } from './exec.ts';

/** HUP, as a terminal that is closed gives; KILL for what is left. `$1`: the mark. */
const script = `
find_all() { for p in /proc/[0-9]*; do tr '\\0' '\\n' < "$p/environ" 2>/dev/null | grep -qxF "$1" && printf '%s ' "\${p#/proc/}"; done; }
found=$(find_all "$1"); [ -z "$found" ] && exit 0
kill -HUP $found 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; [ -z "$(find_all "$1")" ] && exit 0; done
kill -KILL $(find_all "$1") 2>/dev/null
exit 0
`;

export async function endMarked(engine: EngineClient, owner: Owner, image: RunnableImage, containerId: string, mark: string): Promise<void> {
  const { Id } = await engine.call<{ Id: string }>('POST', '/containers/create', {
    body: {
      Image: image.name, Entrypoint: ['sh', '-c', script, 'sh', `${execVariable}=${mark}`], Cmd: [], Env: image.config.env, User: '0:0', WorkingDir: '/', Labels: ownLabels(owner, 'helper'),
      HostConfig: {
        NetworkMode: 'none', PidMode: `container:${containerId}`, Binds: image.binds, CapDrop: ['ALL'], CapAdd: ['KILL', 'SYS_PTRACE', 'DAC_READ_SEARCH'],
        SecurityOpt: ['no-new-privileges', 'label=disable', 'apparmor=unconfined'], RestartPolicy: { Name: 'no' },
      },
    },
  });
  try {
    await engine.call('POST', `/containers/${Id}/start`);
    await engine.call('POST', `/containers/${Id}/wait`, { timeout: 30_000 });
  } finally {
    await engine.call('DELETE', `/containers/${Id}`, { query: { force: true, v: true } }).catch(() => undefined);
  }
}
