/** The fields of a line in the order in which beads writes them; others follow, sorted. */
const ORDER: readonly string[] = [
  ...[
    '_schema',
    '_type',
    'id',
    'content_hash',
    'title',
    'description',
    'design',
    'acceptance_criteria',
    'notes',
  ],
  ...['spec_id', 'status', 'priority', 'issue_type', 'assignee', 'owner', 'estimated_minutes', 'created_at'],
  ...['created_by', 'updated_at', 'started_at', 'closed_at', 'close_reason', 'closed_by_session'],
  ...[
    'lease_expires_at',
    'heartbeat_at',
    'due_at',
    'defer_until',
    'external_ref',
    'source_system',
    'metadata',
  ],
  ...['compaction_level', 'compacted_at', 'compacted_at_commit', 'original_size', 'source_repo', 'labels'],
  ...['dependencies', 'comments', 'deleted_at', 'deleted_by', 'delete_reason', 'original_type', 'sender'],
  ...['ephemeral', 'wisp', 'no_history', 'wisp_type', 'pinned', 'is_template', 'bonded_from', 'creator'],
  ...[
    'validations',
    'quality_score',
    'crystallizes',
    'await_type',
    'await_id',
    'timeout',
    'waiters',
    'holder',
  ],
  ...['source_formula', 'source_location', 'hook_bead', 'role_bead', 'agent_state', 'last_activity'],
  ...['role_type', 'rig', 'mol_type', 'work_type', 'event_kind', 'actor', 'target', 'payload'],
  ...['dependency_count', 'dependent_count', 'comment_count', 'parent', 'wisp_plane'],
];

/** The same for the objects in a list that an issue holds. */
const ORDER_IN: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'dependencies',
    ['issue_id', 'depends_on_id', 'type', 'created_at', 'created_by', 'metadata', 'thread_id'],
  ],
  ['comments', ['id', 'issue_id', 'author', 'text', 'created_at']],
]);

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The names of an object's fields, in order. */
function namesOf(fields: Fields, order: readonly string[]): string[] {
  const known = order.filter((name) => Object.hasOwn(fields, name));
  const rest = Object.keys(fields).filter((name) => !order.includes(name));
  return [...known, ...rest.sort()];
}

/** A line as beads writes it, without its newline. `jsonOf` writes a value. */
export function textOf(fields: Fields, jsonOf: (value: unknown) => string): string {
  const text = objectText(fields, ORDER, (name, value) => {
    const order = ORDER_IN.get(name);
    if (order === undefined || !Array.isArray(value)) return jsonOf(value);
    const items = value.map((item) =>
      isFields(item) ? objectText(item, order, (_, inner) => jsonOf(inner)) : jsonOf(item),
    );
    return `[${items.join(',')}]`;
  });
  return text.replace(ESCAPED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** What Go's encoder, which beads writes with, escapes, and JSON does not need to. It occurs in strings only. */
const ESCAPED = /[<>&\u2028\u2029]/g;

function objectText(
  fields: Fields,
  order: readonly string[],
  jsonOf: (name: string, value: unknown) => string,
): string {
  const items = namesOf(fields, order).map((name) => `${JSON.stringify(name)}:${jsonOf(name, fields[name])}`);
  return `{${items.join(',')}}`;
}
