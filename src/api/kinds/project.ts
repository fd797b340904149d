/** project.openshift.io/v1 (openshift/api project/v1). A Project is the view of a Namespace; a ProjectRequest makes one. */
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface Project extends KubeObject {
  spec?: { finalizers?: string[] };
  status?: { phase?: 'Active' | 'Terminating' };
}
export interface ProjectRequest extends KubeObject {
  displayName?: string;
  description?: string;
}

export const projects = resource<Project>('project.openshift.io/v1', { kind: 'Project', plural: 'projects', namespaced: false });
export const projectRequests = resource<ProjectRequest>('project.openshift.io/v1', {
  kind: 'ProjectRequest', plural: 'projectrequests', namespaced: false, verbs: ['create', 'list'],
});

/** Annotations that a project carries on its namespace. */
export const projectAnnotations = {
  displayName: 'openshift.io/display-name',
  description: 'openshift.io/description',
  requester: 'openshift.io/requester',
} as const;
