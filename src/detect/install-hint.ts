/** The one line that brings a missing program, by the machine's own package manager. */
import { readFile } from 'node:fs/promises';

export type PackageManager = 'apt' | 'dnf' | 'pacman' | 'zypper' | 'apk' | 'brew' | 'winget';

/** Package names by manager; a manager that lacks one leaves the hint to `otherwise`, a complete line, or without one. */
export type Packages = Partial<Record<PackageManager | 'otherwise', string>>;

export const packagesOf = {
  nodejs: { apt: 'nodejs npm', dnf: 'nodejs npm', pacman: 'nodejs npm', zypper: 'nodejs npm', apk: 'nodejs npm', brew: 'node', winget: 'OpenJS.NodeJS.LTS' },
  npm: { apt: 'npm', dnf: 'npm', pacman: 'npm', zypper: 'npm', apk: 'npm', brew: 'node', winget: 'OpenJS.NodeJS.LTS' },
  python: { apt: 'python3 python3-venv', dnf: 'python3 python3-pip', pacman: 'python python-pip', zypper: 'python3 python3-pip', apk: 'python3 py3-pip', brew: 'python', winget: 'Python.Python.3.13' },
  php: { apt: 'php-cli php-fpm apache2-bin composer', dnf: 'php-cli php-fpm httpd composer', pacman: 'php php-fpm apache composer', zypper: 'php8-cli php8-fpm apache2 php-composer2', apk: 'php php-fpm apache2 composer', brew: 'php httpd composer', winget: 'PHP.PHP.8.4' },
  ruby: { apt: 'ruby ruby-dev bundler', dnf: 'ruby ruby-devel rubygem-bundler', pacman: 'ruby ruby-bundler', zypper: 'ruby ruby-devel', apk: 'ruby ruby-dev ruby-bundler', brew: 'ruby', winget: 'RubyInstallerTeam.RubyWithDevKit.3.4' },
  perl: { apt: 'perl cpanminus libplack-perl', dnf: 'perl perl-App-cpanminus perl-Plack', pacman: 'perl cpanminus', zypper: 'perl perl-App-cpanminus perl-Plack', apk: 'perl perl-app-cpanminus', brew: 'perl cpanminus', winget: 'StrawberryPerl.StrawberryPerl' },
  golang: { apt: 'golang-go', dnf: 'golang', pacman: 'go', zypper: 'go', apk: 'go', brew: 'go', winget: 'GoLang.Go' },
  java: { apt: 'default-jdk-headless maven', dnf: 'java-21-openjdk-devel maven', pacman: 'jdk-openjdk maven', zypper: 'java-21-openjdk-devel maven', apk: 'openjdk21-jdk maven', brew: 'openjdk maven', winget: 'EclipseAdoptium.Temurin.21.JDK' },
  dotnet: { dnf: 'dotnet-sdk-8.0', pacman: 'dotnet-sdk aspnet-runtime', apk: 'dotnet8-sdk', brew: 'dotnet', winget: 'Microsoft.DotNet.SDK.8', otherwise: 'curl -fsSL https://dot.net/v1/dotnet-install.sh | bash' },
  podman: { apt: 'podman', dnf: 'podman', pacman: 'podman', zypper: 'podman', apk: 'podman', brew: 'podman', winget: 'RedHat.Podman' },
  haproxy: { apt: 'haproxy', dnf: 'haproxy', pacman: 'haproxy', zypper: 'haproxy', apk: 'haproxy', brew: 'haproxy' },
  git: { apt: 'git', dnf: 'git', pacman: 'git', zypper: 'git', apk: 'git', brew: 'git', winget: 'Git.Git' },
} as const satisfies Record<string, Packages>;

const commands: Record<PackageManager, (packages: string) => string> = {
  apt: (packages) => `sudo apt-get install -y ${packages}`,
  dnf: (packages) => `sudo dnf install -y ${packages}`,
  pacman: (packages) => `sudo pacman -S --needed ${packages}`,
  zypper: (packages) => `sudo zypper install -y ${packages}`,
  apk: (packages) => `sudo apk add ${packages}`,
  brew: (packages) => `brew install ${packages}`,
  winget: (packages) => `winget install --id ${packages} --exact`,
};

export function installLine(manager: PackageManager, packages: Packages): string | undefined {
  const names = packages[manager];
  return names === undefined ? packages.otherwise : commands[manager](names);
}

const families: Record<string, PackageManager> = {
  debian: 'apt', ubuntu: 'apt', fedora: 'dnf', rhel: 'dnf', centos: 'dnf', arch: 'pacman', suse: 'zypper', opensuse: 'zypper', alpine: 'apk',
};

/** `osRelease`: text of /etc/os-release; an unknown distribution is treated as Debian's family. */
export function packageManagerOf(platform: NodeJS.Platform, osRelease: string): PackageManager {
  if (platform === 'darwin') return 'brew';
  if (platform === 'win32') return 'winget';
  const value = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(osRelease)?.[1] ?? '';
  const ids = `${value('ID')} ${value('ID_LIKE')}`.split(/\s+/);
  for (const id of ids) {
    const family = families[id] ?? families[id.split('-')[0] ?? ''];
    if (family) return family;
  }
  return 'apt';
}

export async function thisPackageManager(platform: NodeJS.Platform): Promise<PackageManager> {
  return packageManagerOf(platform, await readFile('/etc/os-release', 'utf8').catch(() => ''));
}
