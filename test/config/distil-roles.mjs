/**
 * Makes src/controlplane/project/rbac/bootstrap-roles.json from the cluster roles that a real API server creates for itself (Apache-2.0, see NOTICE):
 *   kubectl get clusterroles -o json > roles.json && node test/config/distil-roles.mjs roles.json
 * Roles of parts that this platform does not have are left out; rules of aggregated roles are not kept, since they follow from the others.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.argv[2];
if (!file) throw new Error('usage: distil-roles.mjs <ClusterRoleList as JSON>');

const absent =
  /certificate|attachdetach|heapster|node-bootstrapper|node-problem|device-taint|selinux|service-cidrs|validatingadmissionpolicy|volumeattributesclass|resource-claim|ephemeral-volume|expand-controller|kube-aggregator|cloud|:openshift:|volume-scheduler|persistent-volume-provisioner|endpointslicemirroring|legacy-service-account|service-ca-cert|:route-controller|:ttl-controller/;
const aggregateLabel = 'rbac.authorization.k8s.io/aggregate-to-';

const roles = {};
for (const { metadata, rules, aggregationRule } of JSON.parse(readFileSync(file, 'utf8')).items) {
  if (absent.test(metadata.name)) continue;
  const into = Object.keys(metadata.labels ?? {}).find((label) => label.startsWith(aggregateLabel))?.slice(aggregateLabel.length);
  const from = aggregationRule?.clusterRoleSelectors.flatMap(({ matchLabels }) => Object.keys(matchLabels).map((label) => label.slice(aggregateLabel.length)));
  roles[metadata.name] = { ...(into && { into }), ...(from ? { from } : { rules: rules ?? [] }) };
}
const target = new URL('../../src/controlplane/project/rbac/bootstrap-roles.json', import.meta.url);
const lines = Object.entries(roles).map(([name, role]) => `${JSON.stringify(name)}:${JSON.stringify(role)}`);
writeFileSync(target, `{\n${lines.join(',\n')}\n}\n`);
console.log(`${lines.length} roles`);
