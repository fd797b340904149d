/** Printer columns that most kinds share. */
import { ageOf } from '../../../api/age.ts';
import type { Column } from './kind.ts';

export const nameColumn: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  cell: (object) => object.metadata.name,
};

export const ageColumn: Column = {
  name: 'Age',
  type: 'string',
  description: 'Time since the object was created.',
  cell: (object, now) => ageOf(object.metadata.creationTimestamp, now),
};

/** What a kind without columns of its own shows. */
export const defaultColumns: readonly Column[] = [nameColumn, ageColumn];
