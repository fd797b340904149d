import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registryName } from '../../support/build/build-machine.ts';
import { pushImageOf } from '../../support/build/busybox-image.ts';
import { debianLayers } from '../../support/build/debian-image.ts';
import { busyboxName, dockerMachine, type DockerMachine, type DockerOrder } from '../../support/build/dockerfile-machine.ts';
import { startGitServer } from '../../support/build/git-server.ts';

const from = `FROM ${busyboxName}\n`;
const skips = (log: string) => [...log.matchAll(/^STEP \d+\/\d+: (\S+)[^\n]*\n(?:(?!STEP|-->)[^\n]*\n)*--> (Using cache )?/gm)].map(([, keyword, cached]) => `${keyword}${cached ? ' cached' : ''}`);

describe('Dockerfile builds', () => {
  let docker: DockerMachine;

  beforeAll(async () => {
    docker = await dockerMachine();
    const program = readFileSync('/bin/busybox');
    await pushImageOf(docker.machine.client, docker.machine.folder, 'base/bare', [[{ type: 'file', name: 'busybox', mode: 0o755, uid: 0, gid: 0, size: program.length, content: program }]]);
    const at = join(docker.machine.folder, 'mounts/var/run/secrets/openshift.io/build/login');
    mkdirSync(at, { recursive: true });
    writeFileSync(join(at, 'token'), 'hush');
  });
  afterAll(() => docker.close());

  const leftovers = () => readdirSync(docker.machine.folder).filter((name) => name.startsWith('work-')).flatMap((name) => readdirSync(join(docker.machine.folder, name)).filter((one) => one.startsWith('build-')));
  const spoilt = () => execFileSync('sh', ['-c', 'here=$(mktemp -d) && cd "$here" && mkdir a && echo x > outside && cd a && tar -cPf - ../outside && rm -r "$here"']);

  const failures: Record<string, [DockerOrder, reason: string, message: RegExp]> = {
    'no Dockerfile': [{ dockerfile: '', strategy: { dockerfilePath: 'build/Dockerfile' } }, 'ManageDockerfileFailed', /no "build\/Dockerfile" in the source.*dockerfilePath/],
    'a link out of the source for one': [{ dockerfile: '', files: { D: '-> /etc/passwd' }, strategy: { dockerfilePath: 'D' } }, 'ManageDockerfileFailed', /no "D" in the source/],
    'no FROM': [{ dockerfile: 'ARG x=1' }, 'ManageDockerfileFailed', /no FROM/],
    'an unknown instruction': [{ dockerfile: `${from}\nCOPPY a b` }, 'ManageDockerfileFailed', /line 3: unknown instruction: COPPY/],
    'an unknown flag': [{ dockerfile: `${from}COPY --form=x a b` }, 'ManageDockerfileFailed', /line 2: COPY knows no flag --form/],
    'a here-document without an end': [{ dockerfile: `${from}RUN <<EOF\necho` }, 'ManageDockerfileFailed', /here-document EOF has no end/],
    'two stages of one name': [{ dockerfile: `${from.trim()} AS a\n${from.trim()} AS A` }, 'ManageDockerfileFailed', /two stages are named "A"/],
    'a FROM without a value': [{ dockerfile: 'ARG base\nFROM $base' }, 'ManageDockerfileFailed', /line 2: FROM \$base names no image/],
    'an image that is not there': [{ dockerfile: `FROM ${registryName}/base/nothing` }, 'PullBuilderImageFailed', /Failed to pull the image .*base\/nothing/],
    'a command that fails': [{ dockerfile: `${from}RUN echo so; exit 7` }, 'DockerBuildFailed', /RUN \/bin\/sh -c echo so; exit 7: exit code 7/],
    'a file that is not there': [{ dockerfile: `${from}COPY nothing /x`, files: { '.dockerignore': 'nothing', nothing: '' } }, 'DockerBuildFailed', /line 2, COPY nothing \/x: "nothing" is not in the build context \(.dockerignore leaves out 1 path\)/],
    'a path out of the context': [{ dockerfile: `${from}COPY ../../../etc/hostname /x` }, 'DockerBuildFailed', /is not in the build context/],
    'a link out of the context': [{ dockerfile: `${from}COPY l /x`, files: { l: '-> /etc/hostname' } }, 'DockerBuildFailed', /"l" is not in the build context/],
    'a folder that is a link out of the context': [{ dockerfile: `${from}COPY l/hostname /x`, files: { l: '-> ../../../../../../../etc' } }, 'DockerBuildFailed', /is not in the build context/],
    'an archive that leaves its folder': [{ dockerfile: `${from}ADD evil.tar /x/`, files: { 'evil.tar': spoilt() } }, 'DockerBuildFailed', /points outside the archive/],
    'two sources for one file': [{ dockerfile: `${from}COPY a b /x`, files: { a: '', b: '' } }, 'DockerBuildFailed', /must be a folder and end with a slash: \/x\//],
    'a file over a folder': [{ dockerfile: `${from}COPY a /x/app`, files: { a: '' } }, '', /^$/],
    'an owner nobody knows': [{ dockerfile: `${from}COPY --chown=nobody a /x`, files: { a: '' } }, 'DockerBuildFailed', /no user "nobody" in the image's \/etc\/passwd; use its number/],
    'SSH': [{ dockerfile: `${from}RUN --mount=type=ssh true` }, 'DockerBuildFailed', /no SSH agent to forward/],
    'the network of the machine': [{ dockerfile: `${from}RUN --network=host true` }, 'DockerBuildFailed', /--network=host: a command of a build has the network of its build pod/],
    'a secret that must be there': [{ dockerfile: `${from}RUN --mount=type=secret,id=none,required true` }, 'DockerBuildFailed', /has no such secret.*spec.source.secrets/],
    'files given away by a command': [{ dockerfile: `${from}RUN chown 1000 /etc/group` }, 'DockerBuildFailed', /single user id.*COPY --chown/],
    'RUN without namespaces': [{ dockerfile: `${from}RUN true`, mode: 'plain' }, 'DockerBuildFailed', /needs user namespaces.*--runtime sandbox/],
    'a variable of the loader without a shell': [{ dockerfile: `FROM ${registryName}/base/bare\nENV LD_PRELOAD=/x\nRUN ["/busybox", "true"]` }, 'DockerBuildFailed', /no \/bin\/sh, without which the variable LD_PRELOAD cannot be set/],
  };

  test.each(Object.entries(failures))('refused: %s', async (_, [order, reason, message]) => {
    const done = await docker.build(order);
    if (reason === '') return void expect(done.code, done.log).toBe(0);
    expect(done.termination, done.log).toMatchObject({ reason });
    expect(done.termination.message).toMatch(message);
    expect(done.code).toBe(1);
    expect(leftovers()).toEqual([]);
  });

  test('commands see their image and nothing of this machine, and have no power over it', async () => {
    writeFileSync(join(docker.machine.folder, 'secret-of-the-host'), 'x');
    const done = await docker.build({
      dockerfile: `${from}ENV LD_PRELOAD=/nowhere.so
RUN ls -d /build /work /root ${docker.machine.folder} 2>&1 | grep -v 'No such'; ls /proc | grep -c '^[0-9]'; mount -t tmpfs t /opt 2>&1; umount /proc 2>&1; umount / 2>&1; mknod /tmp/sda b 8 0 2>&1; \\
  mkdir /tmp/c; chroot /tmp/c /bin/ls 2>&1; cat /proc/1/environ | tr '\\0' '\\n'; env | grep -E 'BUILD=|SLIPWAY'; unshare -r sh -c 'umount /dev; ls /; cat ${docker.machine.folder}/secret-of-the-host' 2>&1; cat /proc/self/status | grep -E 'CapEff|NoNewPrivs'; true`,
    });
    expect(done.code, done.log).toBe(0);
    expect(done.log).not.toMatch(/^(BUILD|SLIPWAY|PATH=.*node)/m);
    expect(done.log).not.toContain('secret-of-the-host\n');
    expect(done.log).toMatch(/mount: .*(permission denied|denied)/i);
    expect(done.log).toMatch(/umount: .*(not permitted|Invalid)/);
    expect(done.log).toMatch(/NoNewPrivs:\s1/);
  });

  test('an image without a shell runs its own programs', async () => {
    const done = await docker.build({ dockerfile: `FROM ${registryName}/base/bare\nENV WHO=ada odd.name=x\nWORKDIR /here\nRUN ["/busybox", "sh", "-c", "echo $WHO $PWD"]\nRUN ["/busybox", "env"]` });
    expect(done.log).toContain('ada /here\n');
    expect(done.log).toContain('\nodd.name=x\n');
    expect(done.code).toBe(0);
  });

  test("an image that stands on this machine's toolchain is a base like any other, for images that run here", async () => {
    const nodejs = await docker.machine.publish('nodejs');
    const dockerfile = `FROM ${nodejs}\nCOPY --chown=1001:0 server.js .\nRUN node -e 'require("fs").writeFileSync("made", process.version)' && ! touch /usr/x\nCMD ["node", "server.js"]`;
    const done = await docker.build({ dockerfile, files: { 'server.js': '' } });
    expect(done.code, done.log).toBe(0);
    const files = await docker.files(done.image!);
    expect(files.get('opt/app-root/src/made')).toMatch(/^644 1001:0 v\d+/);
    expect([...files.keys()].filter((name) => /^(usr|bin|lib)(\/|$)/.test(name))).toEqual([]);
    const elsewhere = await docker.build({ dockerfile, files: { 'server.js': '' }, spec: { output: { to: { kind: 'DockerImage', name: '127.0.0.1:1/a/b' } } } });
    expect(elsewhere.termination).toMatchObject({ reason: 'PushImageToRegistryFailed', message: expect.stringContaining('runs here only') as string });
  });

  test('layers of an earlier build are taken where what made them is the same', async () => {
    const dockerfile = `${from}ARG version=1\nWORKDIR /app\nCOPY a.txt .\nRUN date +%N > made\nARG late\nRUN echo "$late" > late\nCOPY b.txt .\nLABEL x=1`;
    const files = { 'a.txt': 'cached?', 'b.txt': 'B' };
    const build = async (more: Partial<DockerOrder> = {}) => {
      const done = await docker.build({ dockerfile, files, name: 'same', ...more });
      expect(done.code, done.log).toBe(0);
      return { steps: skips(done.log), image: done.image! };
    };
    const first = await build();
    expect(first.steps).toEqual(['WORKDIR', 'COPY', 'RUN', 'RUN', 'COPY']);
    const second = await build();
    expect(second.steps).toEqual(['WORKDIR cached', 'COPY cached', 'RUN cached', 'RUN cached', 'COPY cached']);
    expect(second.image.digest).toBe(first.image.digest);
    expect((await build({ dockerfile: dockerfile.replace('LABEL x=1', 'LABEL x=2') })).steps.every((one) => one.endsWith('cached'))).toBe(true);
    expect((await build({ files: { ...files, 'b.txt': 'other' } })).steps).toEqual(['WORKDIR cached', 'COPY cached', 'RUN cached', 'RUN cached', 'COPY']);
    expect((await build({ strategy: { buildArgs: [{ name: 'late', value: 'x' }] } })).steps).toEqual(['WORKDIR cached', 'COPY cached', 'RUN cached', 'RUN', 'COPY']);
    expect((await build({ files: { ...files, 'a.txt': { text: 'cached?', mode: 0o755 } } })).steps).toEqual(['WORKDIR cached', 'COPY', 'RUN', 'RUN', 'COPY']);
    const fresh = await build({ strategy: { noCache: true } });
    expect(fresh.steps).toEqual(['WORKDIR', 'COPY', 'RUN', 'RUN', 'COPY']);
    expect(fresh.image.digest).not.toBe(first.image.digest);
    expect((await build()).image.digest).toBe(fresh.image.digest);
  });

  test('apt installs with the user it has for that, and a package makes its own', async () => {
    await pushImageOf(docker.machine.client, docker.machine.folder, 'base/debian', await debianLayers(join(docker.machine.folder, 'debian')), { env: [{ name: 'PATH', value: '/usr/bin:/bin' }] });
    const dockerfile = `FROM ${registryName}/base/debian\nRUN apt-get update && apt-get install -y greeting && stat -c '%U:%G' /srv/greeting\nRUN useradd -m -s /bin/sh ada && su ada -c 'id -un; touch ~/own' && echo done\nUSER ada\nRUN id && ! cat /etc/shadow`;
    const done = await docker.build({ dockerfile, mode: 'users' });
    expect(done.code, done.log).toBe(0);
    expect(done.log).not.toMatch(/^[WE]: /m);
    expect(done.log).toMatch(/^greeter:staff$/m);
    const files = await docker.files(done.image!);
    expect([files.get('srv/greeting'), files.get('home/ada/own')]).toEqual(['644 321:50 hello\n', expect.stringMatching(/^644 (\d{4}):\1 /)]);
    const single = await docker.build({ dockerfile });
    expect(single.termination.message).toMatch(/single user id.*uidmap.*usermod/);
  });

  test('cache mounts survive builds and reach no image', async () => {
    const build = (script: string) => docker.build({ dockerfile: `${from}RUN --mount=type=cache,target=/cache,sharing=locked --mount=type=cache,id=filled,target=/filled,from=${busyboxName},source=/home ${script}` });
    const first = await build('echo kept >> /cache/file; cat /filled/app/own');
    expect(first.log).toContain('\nown\n');
    expect(first.code).toBe(0);
    const second = await build('cat /cache/file');
    expect(second.log).toContain('\nkept\n');
    expect([...(await docker.files(second.image!)).keys()].filter((name) => /cache|filled/.test(name))).toEqual([]);
  });

  test('several builds of the same at once', async () => {
    const dockerfile = `${from}RUN echo together > /x\nRUN echo more > /y`;
    const done = await Promise.all([1, 2, 3].map(() => docker.build({ dockerfile })));
    for (const one of done) expect(one.code, one.log).toBe(0);
    expect((await docker.files(done[2]!.image!)).get('y')).toBe('644 0:0 more\n');
  });

  test('all changes in one layer, and a hook that changes nothing', async () => {
    const dockerfile = `${from}RUN echo 1 > /one && echo 2 > /two && rm -r /var/old\nRUN rm /one && mkdir /var/old && echo 3 > /three\nENTRYPOINT ["/bin/sh", "-c"]`;
    const hook = { spec: { postCommit: { args: ['cat /three && touch /left'] } } };
    const done = await docker.build({ dockerfile, strategy: { imageOptimizationPolicy: 'SkipLayers' }, ...hook });
    expect(done.log).toContain('Running post commit hook ...\n3\n');
    expect(done.code, done.log).toBe(0);
    expect(done.image!.manifest.layers).toHaveLength(2);
    const top = await docker.files(done.image!, -1);
    expect([...top.keys()].sort()).toEqual(['three', 'two', 'var', 'var/old', 'var/old/.wh.a', 'var/old/.wh.b'].filter((name) => top.has(name)));
    expect(top.has('three') && !top.has('one') && !top.has('left')).toBe(true);
    const all = await docker.files(done.image!);
    expect([all.has('var/old'), all.has('var/old/a'), all.has('one')]).toEqual([true, false, false]);
    const bad = await docker.build({ dockerfile, spec: { postCommit: { script: 'exit 9' } } });
    expect(bad).toMatchObject({ code: 1, termination: { reason: 'PostCommitHookFailed', message: 'Build failed because of post commit hook: exit code 9.' } });
  });

  test('told as it goes; cancelled in the middle it ends at once and leaves nothing', async () => {
    const done = await docker.build({ dockerfile: `${from}RUN echo waiting; sleep 6173 & sleep 6173`, on: { line: /^waiting$/m, run: (child) => void child.kill('SIGTERM') } });
    expect(done).toMatchObject({ code: 1, termination: { reason: 'CancelledBuild' } });
    expect(leftovers()).toEqual([]);
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain('sleep 6173');
    expect(execFileSync('cat', ['/proc/self/mounts'], { encoding: 'utf8' })).not.toContain(docker.machine.folder);
    expect(done.steps.map(({ step, state }) => `${step} ${state}`)).toEqual(['SourceFetched done', 'Dockerfile failed']);
  });

  test('ADD from a server and from Git', async () => {
    const content = 'downloaded';
    const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    const server = createServer((request, response) => void (request.url === '/files/x.txt' ? response.writeHead(200, { 'last-modified': 'Thu, 01 Jan 2026 00:00:00 GMT' }).end(content) : response.writeHead(404).end()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const work = join(docker.machine.folder, 'git-work');
    mkdirSync(join(work, 'sub'), { recursive: true });
    const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    git('init', '-q', '-b', 'main');
    writeFileSync(join(work, 'sub/file'), 'of git');
    git('add', '.');
    git('commit', '-q', '-m', 'First');
    const bare = join(docker.machine.folder, 'app.git');
    execFileSync('git', ['clone', '-q', '--bare', work, bare]);
    execFileSync('git', ['-C', bare, 'update-server-info']);
    chmodSync(bare, 0o755);
    const gitServer = await startGitServer(docker.machine.folder);
    try {
      const done = await docker.build({ dockerfile: `${from}ADD --checksum=${checksum} ${url}/files/x.txt /in/\nADD --chmod=644 ${url}/files/x.txt /in/y\nADD ${gitServer.url}/app.git#main:sub /git` });
      expect(done.code, done.log).toBe(0);
      const files = await docker.files(done.image!);
      expect([files.get('in/x.txt'), files.get('in/y'), files.get('git/file')]).toEqual(['600 0:0 downloaded', '644 0:0 downloaded', '644 0:0 of git']);
      expect((await docker.build({ dockerfile: `${from}ADD --checksum=${checksum.replace(/.$/, '0')} ${url}/files/x.txt /in/` })).termination.message).toMatch(/its checksum is sha256:|is no checksum/);
      expect((await docker.build({ dockerfile: `${from}ADD ${url}/none /in/` })).termination.message).toMatch(/the server answered 404/);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await gitServer.close();
    }
  });
});
