/** What a workload's template needs so that its programs can be debugged, and how that is taken back: pure. */
import type { Container, Pod, PodTemplateSpec } from '../../api/kinds/core.ts';
import { usualPort } from './debuggee.ts';

export interface DebugRollout {
  /** Strategic patches of the workload. */
  patch: object;
  undo: object;
}

const folder = '/opt/slipway-debugpy';
const part = 'slipway-debugpy';

/**
 * What a container is rolled out with. `inspector`: of whatever is the first Node.js in it, at the usual port. `inspectors`: of each, at a port of its own, which is looked for:
 * one that npm starts would find the usual port taken by npm.
 */
export type DebugMeans = 'inspector' | 'inspectors' | 'debugpy';

/** `undefined` if a variable that would have to change comes from elsewhere. */
export function debugRollout(means: DebugMeans, template: PodTemplateSpec, container: string): DebugRollout | undefined {
  const one = template.spec?.containers.find(({ name }) => name === container);
  if (!one) return undefined;
  return means === 'debugpy' ? pythonRollout(one) : nodeRollout(one, means === 'inspector' ? usualPort.node : 0);
}

/** True once a pod was made from the template as `debugRollout` changes it. */
export function isDebugPod(means: DebugMeans, pod: Pod, container: string): boolean {
  const [variable, mark] = means === 'debugpy' ? [pythonPath, folder] : [nodeOptions, inspectOption(means === 'inspector' ? usualPort.node : 0)];
  const value = pod.spec.containers.find(({ name }) => name === container)?.env?.find(({ name }) => name === variable)?.value ?? '';
  return value.split(means === 'debugpy' ? ':' : ' ').includes(mark);
}

const nodeOptions = 'NODE_OPTIONS';
const pythonPath = 'PYTHONPATH';
const inspectOption = (port: number) => `--inspect=127.0.0.1:${port}`;

/** After the options there are: of several ports the last one counts. */
function nodeRollout(one: Container, port: number): DebugRollout | undefined {
  const env = variable(one, nodeOptions, (before) => [before, inspectOption(port)].filter(Boolean).join(' '));
  return env && { patch: inContainer(one, { env: [env.patch] }), undo: inContainer(one, { env: [env.undo] }) };
}

/** An init container with the application's own image brings debugpy if the image has none, and lets every Python of the container listen for a debugger as it starts. */
function pythonRollout(one: Container): DebugRollout | undefined {
  const env = variable(one, pythonPath, (before) => [folder, before].filter(Boolean).join(':'));
  if (!env) return undefined;
  const volumeMounts = [{ name: part, mountPath: folder }];
  const init = { name: part, image: one.image, command: ['/bin/sh', '-c', bring], volumeMounts, ...(one.env && { env: one.env }) };
  const gone = (more: object) => ({ $patch: 'delete', ...more });
  return {
    patch: template({ initContainers: [init], volumes: [{ name: part, emptyDir: {} }], containers: [{ name: one.name, env: [env.patch], volumeMounts }] }),
    undo: template({ initContainers: [gone({ name: part })], volumes: [gone({ name: part })], containers: [{ name: one.name, env: [env.undo], volumeMounts: [gone({ mountPath: folder })] }] }),
  };
}

/** Only the first Python of a process tree listens: debugpy's own helper is one, too. */
const customize = `import os
if not os.environ.get('SLIPWAY_DEBUGPY'):
    os.environ['SLIPWAY_DEBUGPY'] = '1'
    os.environ.setdefault('PYDEVD_DISABLE_FILE_VALIDATION', '1')
    try:
        import debugpy
        debugpy.listen(('127.0.0.1', ${usualPort.python}))
    except Exception as error:
        import sys
        print('debugpy does not listen:', error, file=sys.stderr)
`;
const bring = `set -e
python3 -c 'import debugpy' 2>/dev/null || python3 -m pip install --quiet --no-cache-dir --disable-pip-version-check --target ${folder} debugpy
cat > ${folder}/sitecustomize.py <<'END'
${customize}END
`;

function variable({ env = [] }: Container, name: string, change: (before: string) => string): { patch: object; undo: object } | undefined {
  const before = env.find((one) => one.name === name);
  if (before?.valueFrom) return undefined;
  return { patch: { name, value: change(before?.value ?? '') }, undo: before ? { name, value: before.value ?? '' } : { name, $patch: 'delete' } };
}

const template = (spec: object) => ({ spec: { template: { spec } } });
const inContainer = ({ name }: Container, change: object) => template({ containers: [{ name, ...change }] });
