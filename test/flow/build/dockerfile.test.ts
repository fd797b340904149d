import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommonBuildSpec, DockerBuildStrategy } from '../../../src/api/kinds/build.ts';
import type { RunConfig } from '../../../src/oci/manifest.ts';
import { registryName, type BuildOrder } from '../../support/build/build-machine.ts';
import { busyboxEntries, pushImageOf } from '../../support/build/busybox-image.ts';
import { busyboxName, contextOf, dockerMachine, type DockerMachine, type Files } from '../../support/build/dockerfile-machine.ts';

const from = `FROM ${busyboxName}\n`;

interface Row {
  dockerfile: string;
  files?: Files;
  strategy?: DockerBuildStrategy;
  spec?: Partial<CommonBuildSpec>;
  /** Files of the image, by name; `undefined`: not there. */
  has?: Record<string, string | undefined>;
  config?: RunConfig;
  /** Parts of the log. */
  says?: (string | RegExp)[];
  mode?: BuildOrder['mode'];
  cold?: true;
}

async function bytesOf(files: Files): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of contextOf(files)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe('Dockerfiles', () => {
  let docker: DockerMachine;

  beforeAll(async () => {
    docker = await dockerMachine();
    await pushImageOf(docker.machine.client, docker.machine.folder, 'base/parent', [busyboxEntries(), [{ type: 'whiteout', name: 'var/old/a' }]], { env: [{ name: 'PATH', value: '/bin' }], entrypoint: ['/bin/entry'], cmd: ['parent'] }, {
      OnBuild: ['COPY a.txt /triggered', 'RUN echo $PATH > /ran'], Shell: ['/bin/sh', '-ec'],
    });
    for (const [folder, text] of [['login', 'hush'], ['other', 'psst']] as const) {
      const at = join(docker.machine.folder, 'mounts/var/run/secrets/openshift.io/build', folder);
      mkdirSync(at, { recursive: true });
      writeFileSync(join(at, 'token'), text);
    }
    const volume = join(docker.machine.folder, 'mounts/var/run/openshift.io/volumes/settings');
    mkdirSync(volume, { recursive: true });
    writeFileSync(join(volume, 'conf'), 'of the volume');
  });
  afterAll(() => docker.close());

  /** Where the build pod's namespaces know several users. */
  const several: Row = {
    dockerfile: `FROM ${busyboxName} AS made
RUN echo worker:x:1234:1234::/home/worker:/bin/sh >> /etc/passwd && echo worker:x:1234: >> /etc/group && mkdir -p /srv/data /home/worker && chown worker:worker /home/worker && chmod 2755 /home/worker && echo x > /srv/data/f && ln -s data /srv/link && chown -R worker:app /srv && chown -h 50:50 /srv/link && chown 50:50 /opt && chmod 2750 /opt && chown 1000 /usr/bin/lifted && su worker -c 'touch /srv/by-worker; id'
COPY --chown=worker:staff a.txt /srv/data/
COPY --chown=1000580000:0 a.txt /far
FROM made
COPY --from=made /srv/data /taken
RUN stat -c '%n %u:%g %a' /srv/data/a.txt /home/app/own /home/app /usr/bin/lifted /taken/f && echo more >> /far
USER worker
WORKDIR /srv/work
RUN --mount=type=cache,target=/kept,uid=1234 --mount=type=secret,id=token,target=/token,uid=1234 touch mine /kept/x && cat /token && cat /srv/data/a.txt && ! touch /etc/not && ! cat /home/app/own && grep CapEff /proc/self/status
USER 0
RUN cp -a /srv/data /copied && rm -r /home/app && id`,
    files: { 'a.txt': 'A' }, spec: { source: { type: 'Binary', binary: {}, secrets: [{ secret: { name: 'login' }, destinationDir: 'private' }] } },
    has: {
      'srv/data/f': '644 1234:1000 x\n', 'srv/link': '777 50:50 -> data', 'srv/by-worker': '644 1234:1234 ', srv: '755 1234:1000 /', 'srv/data/a.txt': '644 1234:50 A', opt: '2750 50:50 /', 'usr/bin/lifted': '755 1000:0 #!/bin/sh\n',
      far: '644 1000580000:0 Amore\n', 'taken/f': '644 1234:1000 x\n', 'srv/work': '755 1234:1234 /', 'srv/work/mine': '644 1234:1234 ', 'copied/f': '644 1234:1000 x\n', copied: '755 1234:1000 /', 'home/app': undefined, kept: undefined, 'home/worker': '2755 1234:1234 /',
    },
    says: [/^uid=1234\(worker\) gid=1234\(worker\)/m, /^\/srv\/data\/a.txt 1234:50 644$/m, /^\/home\/app\/own 1000:1000 600$/m, /^\/usr\/bin\/lifted 1000:0 755$/m, /^\/taken\/f 1234:1000 644$/m, /^hushACapEff:\t0+$/m],
  };

  const rows: Record<string, Row> = {
    'commands with several users': { ...several, mode: 'users' },
    'commands with several users, without overlays': { ...several, mode: 'users-no-overlay', cold: true },
    'files keep their owners, also where a command changes them': {
      dockerfile: `${from}RUN echo more >> /home/app/own && mkdir /made && touch /made/x && rm -r /var/old && mkdir /var/old && chmod 700 /usr/bin/lifted
USER app
RUN touch /home/app/new && id -u > /home/app/who && mv /made/x /made/y`,
      has: { 'home/app/own': '600 1000:1000 own\nmore\n', 'home/app/new': '644 1000:1000 ', 'home/app/who': '644 1000:1000 1000\n', 'made/y': '644 1000:1000 ', 'made/x': undefined, 'var/old': '755 0:0 /', 'var/old/a': undefined, 'var/old/b': undefined, 'home/app': '755 1000:1000 /' },
      config: { User: 'app' },
    },
    'ENV, ARG and their modifiers': {
      dockerfile: `ARG base=${busyboxName}
ARG tag=none
FROM \${base}
ARG tag
ARG who=world given
ENV GREETING="hello $who" EMPTY= FILE=a.tar.gz
ENV OLD style value
ENV A=\${EMPTY:-default} B=\${GREETING:+set} C=\${FILE%.gz} D=\${FILE##*.} E=\${FILE/tar/zip} F=\\$who G='$who' H=\${missing-x}
RUN echo "$tag $who $given $GREETING" > /seen
WORKDIR /$who/\${D}
LABEL "a b"=c d="$GREETING" e=f\\ g`,
      strategy: { buildArgs: [{ name: 'given', value: 'from outside' }, { name: 'unused', value: 'x' }] },
      has: { seen: '644 0:0 none world from outside hello world\n', 'world/gz': '755 0:0 /' },
      config: { WorkingDir: '/world/gz', Env: expect.arrayContaining(['GREETING=hello world', 'EMPTY=', 'OLD=style value', 'A=default', 'B=set', 'C=a.tar', 'D=gz', 'E=a.zip.gz', 'F=$who', 'G=$who', 'H=x']) as string[], Labels: expect.objectContaining({ 'a b': 'c', d: 'hello world', e: 'f g' }) as Record<string, string> },
      says: ['build args were not consumed: [unused]'],
    },
    'every setting of a configuration': {
      dockerfile: `${from}MAINTAINER ada
SHELL ["/bin/sh", "-xc"]
ENTRYPOINT echo $HOME
CMD ["a", "b"]
EXPOSE 8080 53/udp 9000-9002
VOLUME ["/data", "/logs"]
VOLUME /more /again
STOPSIGNAL SIGINT
USER 1001:0
HEALTHCHECK --interval=30s --timeout=1m30s --retries=3 --start-period=5s CMD curl -f http://localhost/ || exit 1
ONBUILD RUN echo later`,
      config: {
        Entrypoint: ['/bin/sh', '-xc', 'echo $HOME'], Cmd: ['a', 'b'], ExposedPorts: { '8080/tcp': {}, '53/udp': {}, '9000/tcp': {}, '9001/tcp': {}, '9002/tcp': {} }, Volumes: { '/data': {}, '/logs': {}, '/more': {}, '/again': {} },
        StopSignal: 'SIGINT', User: '1001:0', Shell: ['/bin/sh', '-xc'], OnBuild: ['RUN echo later'],
        Healthcheck: { Test: ['CMD-SHELL', 'curl -f http://localhost/ || exit 1'], Interval: 30e9, Timeout: 90e9, Retries: 3, StartPeriod: 5e9 },
      },
    },
    'a new ENTRYPOINT drops the base\'s CMD; what its base left for it is run': {
      dockerfile: `FROM ${registryName}/base/parent\nENTRYPOINT ["/bin/new"]`, files: { 'a.txt': 'A' },
      has: { triggered: '644 0:0 A', ran: '644 0:0 /bin\n', 'var/old/a': undefined, 'var/old/b': '644 0:0 b' },
      config: { Entrypoint: ['/bin/new'], Env: expect.arrayContaining(['PATH=/bin']) as string[], Shell: ['/bin/sh', '-ec'] },
    },
    'here-documents': {
      dockerfile: `${from}ARG name=ada
RUN <<EOF
# not a comment
echo one > /one
echo two \\
  more >> /one
EOF
RUN <<-'PY' cat > /two
	tabbed $name
	PY
RUN <<EOS
#!/bin/sh -e
echo "$0" > /three
EOS
RUN cat <<A > /four && cat <<B >> /four
a $name
A
b
B
COPY --chmod=755 <<one <<"two" /docs/
of $name
one
of $name
two`,
      has: { one: '644 0:0 one\ntwo more\n', two: '644 0:0 tabbed $name\n', three: expect.stringContaining('heredoc-EOS') as string, four: '644 0:0 a ada\nb\n', 'docs/one': '755 0:0 of ada\n', 'docs/two': '755 0:0 of $name\n', 'tmp/heredoc-EOS': undefined },
    },
    'COPY: files, folders, patterns, links': {
      dockerfile: `${from}COPY a.txt /to/file
COPY a.txt b.txt /to/folder/
COPY sub /to/sub
COPY sub/ /home
COPY *.t?t /to/matched/
COPY link /to/followed
COPY ["with space.txt", "/to/spaced"]
COPY sub/x /lib/
WORKDIR /work
COPY a.txt .
COPY --chown=app:staff --chmod=u=rwX,go=rX sub /to/owned
COPY --chown=7:8 a.txt /to/numbers/a`,
      files: { 'a.txt': 'A', 'b.txt': 'B', 'sub/x': 'X', 'sub/deep/y': 'Y', 'sub/inner': '-> x', 'link': '-> sub/x', 'with space.txt': 'S' },
      has: {
        'to/file': '644 0:0 A', 'to/folder/a.txt': '644 0:0 A', 'to/folder/b.txt': '644 0:0 B', 'to/sub/x': '644 0:0 X', 'to/sub/deep/y': '644 0:0 Y', 'to/sub/inner': '777 0:0 -> x', 'home/x': '644 0:0 X', 'home/app/own': '600 1000:1000 own\n',
        'to/matched/a.txt': '644 0:0 A', 'to/followed': '644 0:0 X', 'to/spaced': '644 0:0 S', 'usr/lib/x': '644 0:0 X', lib: '777 0:0 -> usr/lib', 'work/a.txt': '644 0:0 A',
        'to/owned': '755 1000:50 /', 'to/owned/x': '644 1000:50 X', 'to/owned/deep': '755 1000:50 /', 'to/numbers': '755 7:8 /', 'to/numbers/a': '644 7:8 A',
      },
    },
    'COPY --exclude, --parents, --link': {
      dockerfile: `${from}COPY --exclude=*.log --exclude=deep/** src /kept
COPY --parents src/deep/y src/./deep/z /parents/
COPY --link src/x /linked/x`,
      files: { 'src/x': 'X', 'src/a.log': 'L', 'src/deep/y': 'Y', 'src/deep/z': 'Z' },
      has: { 'kept/x': '644 0:0 X', 'kept/a.log': undefined, 'kept/deep/y': undefined, 'parents/src/deep/y': '644 0:0 Y', 'parents/deep/z': '644 0:0 Z', 'linked/x': '644 0:0 X' },
    },
    '.dockerignore': {
      dockerfile: `${from}COPY . /all`,
      files: { '.dockerignore': '# comment\n*.log\n!keep.log\n/node_modules\n**/*.tmp\ndocs/*\n!docs/README\nsecret', 'a.log': '', 'keep.log': 'K', 'node_modules/m/x': '', 'deep/er/b.tmp': '', 'deep/er/c': 'C', 'docs/other': '', 'docs/README': 'R', 'secret/x': '', 'sub/a.log': 'S' },
      has: { 'all/a.log': undefined, 'all/keep.log': '644 0:0 K', 'all/node_modules': undefined, 'all/deep/er/b.tmp': undefined, 'all/deep/er/c': '644 0:0 C', 'all/docs/other': undefined, 'all/docs/README': '644 0:0 R', 'all/secret': undefined, 'all/sub/a.log': '644 0:0 S' },
      says: ['named by .dockerignore'],
    },
    'stages: only those that are needed are built': {
      dockerfile: `FROM ${busyboxName} AS Build
RUN mkdir -p /out && echo built > /out/app && chmod 750 /out/app
FROM ${busyboxName} AS unused
RUN exit 1
FROM build AS more
RUN echo more > /out/more
FROM scratch
COPY --from=build /out/app /
COPY --from=2 --chown=5:6 /out/ /all/
COPY --from=${busyboxName} /home/app /home/app
CMD ["/app"]`,
      has: { app: '750 0:0 built\n', 'all/app': '750 5:6 built\n', 'all/more': '644 5:6 more\n', 'home/app/own': '600 1000:1000 own\n', bin: undefined },
      says: [/\[1\/4\] STEP 1\/2: FROM/, /\[4\/4\] STEP 2\/7: COPY/],
      config: { Cmd: ['/app'], Env: ['OPENSHIFT_BUILD_NAME=stages', 'OPENSHIFT_BUILD_NAMESPACE=demo'] },
    },
    'directives, comments and continued lines': {
      dockerfile: `# syntax=docker/dockerfile:1
# escape=\`

# a comment
${from}
RUN echo a\\b > /back && \`
  # in between

  echo two > /two
copy a.txt \`
  /copied`,
      files: { 'a.txt': 'A' },
      has: { two: '644 0:0 two\n', copied: '644 0:0 A' },
    },
    'ADD unpacks archives; other files are copied': {
      dockerfile: `${from}ADD pack.tar.gz /unpacked\nADD pack.tar /home/\nADD plain.gz /plain.gz\nADD --unpack=false pack.tar.gz /as-it-is`,
      has: { 'unpacked/in/tar': '644 0:0 T', 'unpacked/exe': '755 0:0 E', 'home/in/tar': '644 0:0 T', 'home/app/own': '600 1000:1000 own\n', 'as-it-is': expect.stringContaining('644 0:0') as string, 'plain.gz': expect.stringContaining('644 0:0') as string },
    },
    'mounts of one command': {
      dockerfile: `FROM ${busyboxName} AS tools
RUN mkdir /t && echo tool > /t/tool && rm /var/old/a
FROM ${busyboxName}
RUN --mount=type=bind,target=/ctx --mount=type=bind,from=tools,source=/t,target=/tools,rw --mount=type=tmpfs,target=/scratch,size=1m --mount=from=tools,target=/whole \\
  cat /ctx/a.txt /tools/tool > /seen && echo x > /tools/new && echo y > /scratch/y && ! echo z > /ctx/z && ls /whole/var/old >> /seen
RUN --mount=type=secret,id=login --mount=type=secret,id=login/token,target=/etc/own,mode=0440 --mount=type=secret,id=login,env=TOKEN --mount=type=secret,id=absent \\
  cat /run/secrets/login /etc/own > /secret.len && echo "$TOKEN" >> /secret.len && wc -c < /secret.len > /length && rm /secret.len && ! test -e /run/secrets/absent
RUN --network=none ! wget -q -T 1 http://127.0.0.1:1/ && ls /sys/class/net > /net 2>&1 || true
RUN cat /settings/conf > /volume`,
      files: { 'a.txt': 'A\n' }, spec: { source: { type: 'Binary', binary: {}, secrets: [{ secret: { name: 'login' }, destinationDir: 'private' }] } },
      strategy: { volumes: [{ name: 'settings', source: { type: 'ConfigMap', configMap: { name: 'settings' } }, mounts: [{ destinationPath: '/settings' }] }] },
      has: { seen: '644 0:0 A\ntool\nb\n', length: '644 0:0 13\n', volume: '644 0:0 of the volume', ctx: undefined, tools: undefined, scratch: undefined, whole: undefined, settings: undefined, run: undefined, 'run/secrets': undefined, 'etc/own': undefined },
    },
    'without overlays': {
      dockerfile: `${from}RUN echo hi > /made && rm -r /var/old && mkdir /var/old && touch /var/old/c
COPY a.txt /made2
RUN --mount=type=bind,target=/ctx cat /made /made2 /ctx/a.txt > /both && ls /var/old >> /both && rm /made2 && ln /both /hard
FROM scratch
COPY --from=0 / /`, files: { 'a.txt': 'A\n' }, mode: 'no-overlay',
      has: { both: '644 0:0 hi\nA\nA\nc\n', hard: '644 0:0 hi\nA\nA\nc\n', made: '644 0:0 hi\n', made2: undefined, 'var/old/a': undefined, 'var/old/c': '644 0:0 ', 'home/app/own': '600 1000:1000 own\n' },
      says: ['An overlay cannot be used here'],
    },
    'as a plain process, without RUN': {
      dockerfile: `${from}COPY a.txt /a\nADD pack.tar.gz /in\nWORKDIR /w`, files: { 'a.txt': 'A' }, mode: 'plain',
      has: { a: '644 0:0 A', 'in/in/tar': '644 0:0 T', w: '755 0:0 /' },
    },
    'what a build config adds': {
      dockerfile: 'FROM nowhere.invalid/first AS one\nFROM nowhere.invalid/last\nRUN echo "$FROM_CONFIG $OPENSHIFT_BUILD_NAME" > /seen\nCOPY --from=stand-in /home/app/own /own\nCOPY private/token conf/x /in/',
      strategy: { from: { kind: 'DockerImage', name: busyboxName }, env: [{ name: 'FROM_CONFIG', value: 'a "b" $c' }], dockerfilePath: 'docker/Dockerfile.prod' },
      files: { 'docker/Dockerfile.prod': '', 'conf/x': 'X' },
      spec: {
        source: { type: 'Binary', binary: {}, images: [{ from: { kind: 'DockerImage', name: busyboxName }, as: ['stand-in'] }], secrets: [{ secret: { name: 'other' }, destinationDir: 'private' }] },
      },
      has: { seen: '644 0:0 a "b" $c \n', own: '600 1000:1000 own\n', 'in/token': '600 0:0 psst' },
      config: { Env: expect.arrayContaining(['FROM_CONFIG=a "b" $c', 'OPENSHIFT_BUILD_NAME=config-adds']) as string[], Labels: expect.objectContaining({ 'io.openshift.build.name': 'config-adds', from: 'busybox' }) as Record<string, string> },
    },
  };

  test.each(Object.entries(rows))('%s', async (name, { dockerfile, files = {}, strategy, spec, has = {}, config, says = [], mode, cold }) => {
    const archive = { 'in/tar': 'T', exe: { text: 'E', mode: 0o755 } };
    const packed: Files = dockerfile.includes('pack.tar') ? { 'pack.tar': await bytesOf(archive), 'pack.tar.gz': gzipSync(await bytesOf(archive)), 'plain.gz': gzipSync('just text') } : {};
    const path = strategy?.dockerfilePath;
    const done = await docker.build({ dockerfile, files: { ...packed, ...files, ...(path && { [path]: dockerfile }) }, name: name.startsWith('stages') ? 'stages' : 'config-adds', ...(strategy && { strategy }), ...(spec && { spec }), ...(mode && { mode }), ...(cold && { cold }) });
    expect(done.termination.message, done.log).toBeUndefined();
    expect(done.code, done.log).toBe(0);
    for (const one of says) expect(done.log).toMatch(one);
    const image = done.image!;
    const found = await docker.files(image);
    const seen = Object.fromEntries(Object.keys(has).map((file) => [file, found.get(file)]));
    expect(seen, done.log).toEqual(has);
    if (config) expect(image.config.config).toMatchObject(config);
    expect(image.config.rootfs.diff_ids).toHaveLength(image.manifest.layers.length);
    expect(image.config.history?.filter((one) => !one.empty_layer)).toHaveLength(image.manifest.layers.length);
    expect([...found.keys()].filter((file) => /^(proc|sys|dev)(\/|$)|^etc\/(hosts|resolv.conf)$/.test(file))).toEqual([]);
  });
});
