/** Parts of the platform as policies of real clusters name them; pure. */
import { systemAddresses, systemProject } from '../../../api/well-known.ts';
import { machineGateway } from '../../holder/node-network.ts';
import type { SystemPeer } from './policy-plan.ts';

/** OpenShift documents both groups of labels for "allow from the router", whose namespace is `openshift-ingress`. */
const ingressGroups = { 'network.openshift.io/policy-group': 'ingress', 'policy-group.network.openshift.io/ingress': '', 'policy-group.network.openshift.io/host-network': '' };
const name = (namespace: string) => ({ 'kubernetes.io/metadata.name': namespace });

export function systemPeers(clusterDns: string): SystemPeer[] {
  const router = (ip: string): SystemPeer => ({
    ip,
    views: [
      { namespace: systemProject, labels: { router: 'router' } },
      { namespace: systemProject, labels: { router: 'router' }, namespaceLabels: { ...name(systemProject), ...ingressGroups } },
      { namespace: 'openshift-ingress', labels: { 'ingresscontroller.operator.openshift.io/deployment-ingresscontroller': 'default' }, namespaceLabels: { ...name('openshift-ingress'), ...ingressGroups } },
    ],
  });
  return [
    {
      ip: clusterDns,
      views: [
        { namespace: systemProject, labels: { dns: 'default' } },
        { namespace: 'openshift-dns', labels: { 'dns.operator.openshift.io/daemonset-dns': 'default' }, namespaceLabels: name('openshift-dns') },
        { namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' }, namespaceLabels: name('kube-system') },
      ],
      // Where OpenShift's name servers listen behind their service.
      aliases: new Map([[5353, 53]]),
    },
    { ip: systemAddresses.registry, views: [{ namespace: systemProject, labels: { 'docker-registry': 'default' } }, { namespace: 'openshift-image-registry', labels: { 'docker-registry': 'default' }, namespaceLabels: name('openshift-image-registry') }] },
    // Its address as a service, and the one that its connections come from.
    router(systemAddresses.router),
    router(machineGateway),
  ];
}
