/** Stateful sets: defaults, rules, columns (kubernetes pkg/apis/apps, pkg/registry/apps/statefulset). */
import { statefulSets, type StatefulSet } from '../../../api/kinds/apps.ts';
import { equalJson } from '../../../api/json.ts';
import { everything } from '../../../api/selector.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../../api/status.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../../kernel/apiserver/kind.ts';
import { isZero, validateIntOrPercent } from '../int-or-percent.ts';
import { parsed, scaleBy, templateColumns, validateCount, validateSelector, validateTemplate, type PodTemplateRules } from '../workload.ts';

const selector = ({ spec }: StatefulSet) => parsed(spec.selector) ?? everything;
const managementPolicies = ['OrderedReady', 'Parallel'];
const strategies = ['RollingUpdate', 'OnDelete'];
const retentions = ['Retain', 'Delete'];
const changeable = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'] as const;

export function statefulSetKind(rules: PodTemplateRules): Kind {
  return kind<StatefulSet>({
    type: 'stored',
    resource: statefulSets,
    statusSubresource: true,
    defaults(set) {
      const spec = (set.spec ??= {} as StatefulSet['spec']);
      spec.replicas ??= 1;
      spec.podManagementPolicy ??= 'OrderedReady';
      spec.revisionHistoryLimit ??= 10;
      spec.updateStrategy ??= {};
      spec.updateStrategy.type ??= 'RollingUpdate';
      if (spec.updateStrategy.type === 'RollingUpdate') {
        spec.updateStrategy.rollingUpdate ??= {};
        spec.updateStrategy.rollingUpdate.partition ??= 0;
      }
      spec.persistentVolumeClaimRetentionPolicy ??= {};
      spec.persistentVolumeClaimRetentionPolicy.whenDeleted ??= 'Retain';
      spec.persistentVolumeClaimRetentionPolicy.whenScaled ??= 'Retain';
      for (const claim of spec.volumeClaimTemplates ?? []) {
        claim.apiVersion ??= 'v1';
        claim.kind ??= 'PersistentVolumeClaim';
        if (claim.spec) claim.spec.volumeMode ??= 'Filesystem';
        claim.status ??= { phase: 'Pending' };
      }
      if (spec.template?.spec) rules.defaults(spec.template);
    },
    prepareCreate: (set) => void (set.status = { replicas: 0 }),
    validate(set, old) {
      const { spec } = set;
      return [
        ...validateCount('spec.replicas', spec.replicas),
        ...validateCount('spec.minReadySeconds', spec.minReadySeconds),
        ...validateCount('spec.ordinals.start', spec.ordinals?.start),
        ...validateCount('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
        ...validateSelector(spec.selector),
        ...validateTemplate(withClaims(spec), parsed(spec.selector), rules),
        ...validatePolicies(spec),
        ...validateClaims(spec),
        ...(old ? validateUpdate(spec, old.spec) : []),
      ];
    },
    columns: [
      nameColumn,
      { name: 'Ready', type: 'string', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}` },
      ageColumn,
      ...templateColumns<StatefulSet>(({ spec }) => spec.template, selector).filter(({ name }) => name !== 'Selector'),
    ],
    scale: scaleBy(selector),
  });
}

/** The template as its pods will be: with a volume for each claim. */
function withClaims({ template, volumeClaimTemplates = [] }: StatefulSet['spec']): StatefulSet['spec']['template'] {
  if (!template?.spec || volumeClaimTemplates.length === 0) return template;
  const names = volumeClaimTemplates.map(({ metadata }) => metadata?.name ?? '');
  const volumes = [...(template.spec.volumes ?? []).filter(({ name }) => !names.includes(name)), ...names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }))];
  return { ...template, spec: { ...template.spec, volumes } };
}

function validatePolicies({ podManagementPolicy, updateStrategy, persistentVolumeClaimRetentionPolicy: retention }: StatefulSet['spec']): FieldError[] {
  const errors: FieldError[] = [];
  if (!managementPolicies.includes(podManagementPolicy ?? '')) errors.push(notSupported('spec.podManagementPolicy', podManagementPolicy ?? '', managementPolicies));
  const type = updateStrategy?.type ?? '';
  if (!strategies.includes(type)) errors.push(notSupported('spec.updateStrategy', type, strategies));
  if (type === 'OnDelete' && updateStrategy?.rollingUpdate) errors.push(invalidValue('spec.updateStrategy.rollingUpdate', updateStrategy.rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"));
  errors.push(...validateCount('spec.updateStrategy.rollingUpdate.partition', updateStrategy?.rollingUpdate?.partition));
  const { maxUnavailable } = (updateStrategy?.rollingUpdate ?? {}) as { maxUnavailable?: number | string };
  const missing = 'spec.updateStrategy.rollingUpdate.maxUnavailable';
  errors.push(...validateIntOrPercent(missing, maxUnavailable, true));
  if (isZero(maxUnavailable)) errors.push(invalidValue(missing, maxUnavailable, 'cannot be 0'));
  for (const name of ['whenDeleted', 'whenScaled'] as const) {
    const value = retention?.[name] ?? '';
    if (!retentions.includes(value)) errors.push(notSupported(`spec.persistentVolumeClaimRetentionPolicy.${name}`, value, retentions));
  }
  return errors;
}

function validateClaims({ volumeClaimTemplates = [] }: StatefulSet['spec']): FieldError[] {
  const names = new Set<string>();
  return volumeClaimTemplates.flatMap(({ metadata }, at) => {
    const name = metadata?.name ?? '';
    const field = `spec.volumeClaimTemplates[${at}].metadata.name`;
    if (name === '') return [required(field)];
    if (names.has(name)) return [{ reason: 'FieldValueDuplicate', field, message: `Duplicate value: "${name}"` }];
    names.add(name);
    return [];
  });
}

function validateUpdate(spec: StatefulSet['spec'], old: StatefulSet['spec']): FieldError[] {
  const rest = (of: StatefulSet['spec']) => Object.fromEntries(Object.entries(of).filter(([name]) => !(changeable as readonly string[]).includes(name)));
  const named = changeable.map((name) => `'${name}'`);
  return equalJson(rest(spec), rest(old)) ? [] : [forbiddenField('spec', `updates to statefulset spec for fields other than ${named.slice(0, -1).join(', ')} and ${named.at(-1)} are forbidden`)];
}
