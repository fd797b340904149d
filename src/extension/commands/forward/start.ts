import * as vscode from 'vscode';
import type { Pod, Service } from '../../../api/kinds/core.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import { selectorOf, type Workload } from '../../explorer/project-content.ts';
import type { ActiveForward } from '../../forwards/active-forward.ts';
import { successorsOf, type ForwardSubject } from '../../forwards/forward-plan.ts';
import { freePortFrom, isFree } from '../../forwards/free-port.ts';
import { portIn, portsOfContainers, portsOfService, proposedPort, type PortChoice } from '../../forwards/port-choices.ts';
import { forwardChoices } from '../choices.ts';
import { Cancelled, type Command, type CommandContext } from '../command.ts';
import { foundFor, isNode } from '../target.ts';
import { openForward } from './open.ts';

/** Ports as an API argument: `{ name, port, localPort }` asks nothing. */
interface Asked {
  port?: number;
  localPort?: number;
}

export const startForwardCommand: Command = {
  id: 'slipway.forward.start',
  async run(context, target) {
    const { session } = context;
    const { of, object } = await foundFor(session, target, forwardChoices());
    const asked = !isNode(target) && typeof target === 'object' ? ((target ?? {}) as Asked) : {};
    const choice = asked.port === undefined ? await choosePort(object, of) : { port: asked.port, target: asked.port };
    const subject = subjectOf(object, of, choice, session.project);
    const running = context.forwards.find(subject);
    if (running) return told(context, running, vscode.l10n.t('{0} is forwarded already, to localhost:{1}.', `${subject.name}:${subject.port}`, running.localPort));
    const wanted = asked.localPort ?? (asked.port === undefined ? await chooseLocalPort(subject) : proposedPort(asked.port));
    const forward = await context.forwards.start(subject, wanted);
    const changed = wanted !== forward.localPort ? ` ${vscode.l10n.t('Port {0} was taken.', wanted)}` : '';
    return told(context, forward, vscode.l10n.t('{0} is forwarded to localhost:{1}.', `${subject.name}:${subject.port}`, forward.localPort) + changed);
  },
};

/** The command has ended when it is told, whether or not somebody answers. */
function told({ forwards }: CommandContext, forward: ActiveForward, text: string): number {
  const open = vscode.l10n.t('Open in Browser');
  const stop = vscode.l10n.t('Stop');
  void vscode.window.showInformationMessage(text, open, stop).then(async (answer) => {
    if (answer === open) await openForward(forward);
    if (answer === stop) await forwards.stop(forward.id);
  });
  return forward.localPort;
}

function subjectOf(object: KubeObject, of: Resource, { port, target }: PortChoice, project: string): ForwardSubject {
  const selector = of.kind === 'Pod' ? successorsOf(object as Pod) : of.kind === 'Service' ? {} : selectorOf(object as Workload);
  return { namespace: object.metadata.namespace ?? project, kind: of.kind, name: object.metadata.name, port, target, selector };
}

async function choosePort(object: KubeObject, of: Resource): Promise<PortChoice> {
  const ports = of.kind === 'Service' ? portsOfService(object as Service) : portsOfContainers(containersOf(object, of));
  const other = { label: `$(edit) ${vscode.l10n.t('Other port…')}`, choice: undefined };
  if (ports.length === 1 && ports[0]) return ports[0];
  if (ports.length > 1) {
    const items = ports.map((choice) => ({ label: String(choice.port), description: [choice.name, choice.container].filter(Boolean).join(' · '), choice }));
    const picked = await vscode.window.showQuickPick([...items, ...(of.kind === 'Service' ? [] : [other])], { title: vscode.l10n.t('Choose a port of "{0}"', object.metadata.name) });
    if (!picked) throw new Cancelled();
    if (picked.choice) return picked.choice;
  }
  if (of.kind === 'Service') throw new Error(vscode.l10n.t('Service "{0}" has no TCP port.', object.metadata.name));
  const answer = await vscode.window.showInputBox({
    title: vscode.l10n.t('Port of "{0}"', object.metadata.name), prompt: vscode.l10n.t('The port that the program in the container listens on'),
    validateInput: (text) => (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65535 ? undefined : vscode.l10n.t('A number from {0} to {1}.', 1, 65535)),
  });
  if (!answer) throw new Cancelled();
  return { port: Number(answer), target: Number(answer) };
}

function containersOf(object: KubeObject, of: Resource) {
  return (of.kind === 'Pod' ? (object as Pod).spec.containers : (object as Workload).spec.template?.spec?.containers) ?? [];
}

/** A free one is proposed; one that is taken is refused with the next that is free. */
async function chooseLocalPort({ name, port }: ForwardSubject): Promise<number> {
  const proposed = await freePortFrom(proposedPort(port));
  const answer = await vscode.window.showInputBox({
    title: vscode.l10n.t('Forward {0} to a local port', `${name}:${port}`),
    prompt: proposed === proposedPort(port) ? vscode.l10n.t('Port of this machine') : vscode.l10n.t('Port of this machine; {0} is in use', proposedPort(port)),
    value: String(proposed),
    validateInput: async (text) => {
      const asked = portIn(text);
      if (asked === undefined) return vscode.l10n.t('A number from {0} to {1}.', 1024, 65535);
      return (await isFree(asked)) ? undefined : vscode.l10n.t('Port {0} is in use; {1} is free.', asked, await freePortFrom(asked + 1));
    },
  });
  if (!answer) throw new Cancelled();
  return portIn(answer) ?? proposed;
}
