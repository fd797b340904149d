/** One workload's rollouts: its state, its pods by revision, its history; everything by watches while it is looked at. */
import * as vscode from 'vscode';
import { controllerRevisions, replicaSets, type ControllerRevision, type Deployment, type ReplicaSet } from '../../api/kinds/apps.ts';
import { builds, type Build } from '../../api/kinds/build.ts';
import { pods, replicationControllers, type Pod, type ReplicationController } from '../../api/kinds/core.ts';
import { deploymentLabels, type DeploymentConfig } from '../../api/kinds/deployment-config.ts';
import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { revisionsOfConfig, revisionsOfDeployment, revisionsOfSet, type Revision } from '../../client/rollout/revisions.ts';
import { rolloutKindOf, type RolloutTarget, type Workload } from '../../client/rollout/target.ts';
import type { RolloutFromPage, RolloutToPage } from '../../protocol/rollout-panel.ts';
import { LookedAt } from '../connections/looked-at.ts';
import type { Session } from '../connections/session.ts';
import { kindWord } from '../explorer/kind-words.ts';
import type { ObjectList } from '../explorer/object-list.ts';
import type { EditorContent } from '../panels/object-editors.ts';
import { connectionObstacle, listObstacle, problemOf, type Obstacle } from '../panels/page-problem.ts';
import { compareRevisions, showRevision } from './compare.ts';
import { actOn, undoTo, type ActSurroundings } from './rollout-actions.ts';
import { rolloutTexts, rolloutWords } from './rollout-texts.ts';
import { rolloutView, type RolloutObjects } from './rollout-view.ts';
import { Scaler } from './scaler.ts';

interface Lists {
  workloads: ObjectList<Workload>;
  keepers: ObjectList<KubeObject>;
  pods: ObjectList<Pod>;
  builds: ObjectList<Build>;
}

export interface EditorActions extends ActSurroundings {
  log(pod: Pod): Promise<unknown>;
  failed(error: unknown): unknown;
}

export class RolloutEditor implements EditorContent<RolloutFromPage> {
  readonly #session: Session;
  readonly #target: RolloutTarget;
  readonly #send: (message: RolloutToPage) => void;
  readonly #actions: EditorActions;
  readonly #watched: LookedAt<Lists>;
  readonly #cluster: string;
  readonly #scaler: Scaler;
  #busy = false;

  constructor(session: Session, target: RolloutTarget, send: (message: RolloutToPage) => void, actions: EditorActions) {
    this.#session = session;
    this.#target = target;
    this.#send = send;
    this.#actions = actions;
    this.#cluster = session.cluster;
    this.#scaler = new Scaler(session, target, actions.failed);
    this.#watched = new LookedAt(session, target.namespace, (list): Lists => ({ workloads: list(target.of as Resource<Workload>), keepers: list(keepersOf(target)), pods: list(pods), builds: list(builds) }), () => this.#show());
  }

  look(visible: boolean): void {
    this.#watched.look(visible);
  }

  dispose(): void {
    this.#watched.dispose();
    this.#scaler.dispose();
  }

  async receive(message: RolloutFromPage): Promise<void> {
    if (message.type === 'ready') return this.#show();
    if (message.type === 'fix') return void vscode.commands.executeCommand(this.#obstacle()?.fix?.command ?? 'slipway.status.show');
    // What was pressed a moment ago on a page that has lost its workload, or its cluster, means nothing any more.
    if (!this.#objects()) return this.#show();
    if (message.type === 'scale') return this.#scaler.scale(message.replicas);
    if (this.#busy) return;
    this.#busy = true;
    try {
      await this.#run(message);
    } catch (error) {
      this.#actions.failed(error);
    } finally {
      this.#busy = false;
      this.#show();
    }
  }

  async #run(message: Exclude<RolloutFromPage, { type: 'scale' | 'ready' | 'fix' }>): Promise<unknown> {
    const target = this.#target;
    switch (message.type) {
      case 'act':
        this.#show();
        return actOn(this.#session, target, message.action, this.#actions);
      case 'undo':
        return undoTo(this.#session, target, message.revision, this.#actions);
      case 'compare': {
        const [one, other = this.#objects()?.revisions.find(({ current }) => current)?.number] = message.revisions;
        return one !== undefined && other !== undefined && one !== other ? compareRevisions(this.#cluster, target, one, other) : undefined;
      }
      case 'template':
        return showRevision(this.#cluster, target, message.revision);
      case 'log': {
        const keeper = this.#objects()?.revisions.find(({ number }) => number === message.revision)?.keeper;
        const deployer = keeper && this.#objects()?.pods.find(({ metadata }) => metadata.labels?.[deploymentLabels.deployerPodFor] === keeper);
        return deployer ? this.#actions.log(deployer) : undefined;
      }
      case 'pod': {
        const pod = this.#objects()?.pods.find(({ metadata }) => metadata.name === message.name);
        return pod && this.#actions.log(pod);
      }
    }
  }

  #objects(): RolloutObjects | undefined {
    const lists = this.#watched.lists;
    const workload = lists?.workloads.items().find(({ metadata }) => metadata.name === this.#target.name);
    if (!lists || !workload) return undefined;
    return { workload, revisions: revisionsOf(this.#target, workload, lists.keepers.items()), pods: lists.pods.items(), builds: lists.builds.items() };
  }

  #obstacle(): Obstacle | undefined {
    const { t } = vscode.l10n;
    const lists = this.#watched.lists;
    if (!lists) return connectionObstacle(this.#session, this.#cluster, t);
    const gone = lists.workloads.known && !this.#objects() ? { text: t('{0} "{1}" is gone.', kindWord(this.#target.of.kind, t), this.#target.name) } : undefined;
    return listObstacle([lists.workloads, lists.keepers, lists.pods], t) ?? gone;
  }

  #show(): void {
    const lists = this.#watched.lists;
    // Half of it would say that nothing runs, or was ever rolled out.
    const whole = lists && [lists.workloads, lists.keepers, lists.pods].every(({ known, problem }) => known || problem);
    const objects = whole ? this.#objects() : undefined;
    this.#send({ type: 'rollout', view: objects && rolloutView(this.#target, objects, rolloutWords(), new Date()), busy: this.#busy, ...problemOf(this.#obstacle()), texts: rolloutTexts() });
  }
}

/** The kind that keeps what a workload was. */
function keepersOf({ of }: RolloutTarget): Resource {
  const kind = rolloutKindOf(of);
  return (kind === 'DeploymentConfig' ? replicationControllers : kind === 'Deployment' ? replicaSets : controllerRevisions) as unknown as Resource;
}

function revisionsOf({ of }: RolloutTarget, workload: KubeObject, keepers: readonly KubeObject[]): Revision[] {
  const kind = rolloutKindOf(of);
  if (kind === 'DeploymentConfig') return revisionsOfConfig(workload as DeploymentConfig, keepers as ReplicationController[]);
  return kind === 'Deployment' ? revisionsOfDeployment(workload as Deployment, keepers as ReplicaSet[]) : revisionsOfSet(workload, keepers as ControllerRevision[]);
}
