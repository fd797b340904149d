/** Priority classes: defaults, rules, columns (kubernetes pkg/apis/scheduling, plugin/pkg/admission/priority). */
import { priorityClasses, type PriorityClass } from '../../../api/kinds/cluster.ts';
import { forbidden, forbiddenField, invalidValue, isStatusError, notSupported, type FieldError } from '../../../api/status.ts';
import type { Client } from '../../../client/client.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../../kernel/apiserver/kind.ts';
import { collectionPrefix } from '../../kernel/apiserver/kind-table.ts';
import type { Reader } from '../../kernel/store/store.ts';

/** Kubernetes' own two. */
export const systemClasses: Readonly<Record<string, number>> = { 'system-node-critical': 2_000_001_000, 'system-cluster-critical': 2_000_000_000 };
const mostForUsers = 1_000_000_000;
const policies = ['Never', 'PreemptLowerPriority'];

export function priorityClassKind(store: Reader): Kind {
  return kind<PriorityClass>({
    type: 'stored',
    resource: priorityClasses,
    generation: false,
    defaults: (one) => {
      one.value ??= 0;
      one.preemptionPolicy ??= 'PreemptLowerPriority';
    },
    prepareCreate: (one) => oneDefault(store, one),
    prepareUpdate: (one) => oneDefault(store, one),
    validate: (one, old) => [...validateClass(one), ...(old ? validateUpdate(one, old) : [])],
    columns: [
      nameColumn,
      { name: 'Value', type: 'integer', cell: ({ value }) => value },
      { name: 'Global-Default', type: 'boolean', cell: ({ globalDefault }) => globalDefault ?? false },
      ageColumn,
      { name: 'PreemptionPolicy', type: 'string', cell: ({ preemptionPolicy }) => preemptionPolicy ?? '' },
    ],
  });
}

export function classesIn(store: Reader): PriorityClass[] {
  return store.list(collectionPrefix(priorityClasses)).entries.map(({ object }) => object as PriorityClass);
}

function oneDefault(store: Reader, { metadata, globalDefault }: PriorityClass): void {
  const other = globalDefault ? classesIn(store).find((one) => one.globalDefault && one.metadata.name !== metadata.name) : undefined;
  if (other) throw forbidden(priorityClasses, metadata.name, `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`);
}

function validateClass({ metadata: { name }, value, preemptionPolicy }: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  if (name.startsWith('system-') && systemClasses[name] !== value) errors.push(forbiddenField('metadata.name', "priority class names with 'system-' prefix are reserved for system use only. error: " + (name in systemClasses ? `value of ${name} PriorityClass must be ${systemClasses[name]}` : `${name} is not a known system priority class`)));
  else if (!name.startsWith('system-') && value > mostForUsers) errors.push(forbiddenField('value', `maximum allowed value of a user defined priority is ${mostForUsers}`));
  if (!policies.includes(preemptionPolicy ?? '')) errors.push(notSupported('preemptionPolicy', preemptionPolicy ?? '', policies));
  return errors;
}

function validateUpdate(one: PriorityClass, old: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  if (one.value !== old.value) errors.push(forbiddenField('value', 'may not be changed in an update.'));
  if (one.preemptionPolicy !== old.preemptionPolicy) errors.push(invalidValue('preemptionPolicy', one.preemptionPolicy, 'field is immutable'));
  return errors;
}

export async function ensureSystemClasses(client: Client): Promise<void> {
  const description = (whose: string) => `Used for system critical pods that must ${whose}.`;
  const all: PriorityClass[] = Object.entries(systemClasses).map(([name, value]) => ({
    apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name }, value,
    description: description(name === 'system-node-critical' ? 'not be moved from their current node' : 'run in the cluster, but can be moved to another node if necessary'),
  }));
  await Promise.all(all.map((one) => client.create(priorityClasses, one).catch((error: unknown) => {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  })));
}
