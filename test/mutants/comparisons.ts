import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { packageRoot } from '../support/scratch.ts';

/** The rooms that decide by such values. */
const ROOMS = ['log', 'file', 'format', 'table', 'layout', 'recovery', 'repair'];

/** What numbers of entries, checksums, epochs and windows are called: the last word of a name, but for an "Of" after it. */
const WORDS = new Set([
  ...['seq', 'first', 'last', 'next', 'from', 'to', 'since', 'base', 'oldest', 'newest', 'snapshot'],
  ...['head', 'reached', 'synced', 'here', 'crc', 'prev', 'follows', 'overtaken', 'claimed', 'link', 'tip'],
  ...['epoch', 'round', 'reader', 'window'],
]);

const OPERATORS = new Set([
  ts.SyntaxKind.EqualsEqualsEqualsToken,
  ts.SyntaxKind.ExclamationEqualsEqualsToken,
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken,
]);

/** A comparison in a compiled file of the engine. */
export interface Comparison {
  /** Under dist/src, without its ending. */
  readonly file: string;
  /** The function that it is in, after its class. */
  readonly within: string;
  /** In one line. */
  readonly text: string;
  /** Where it lies in the file. */
  readonly start: number;
  readonly end: number;
}

/** The engine's files that are looked through: under src, and compiled under dist/src, without their ending. */
export function engineFiles(): string[] {
  return ROOMS.flatMap((room) =>
    readdirSync(join(packageRoot(), 'src', room)).map((name) => `${room}/${name}`),
  )
    .filter((name) => name.endsWith('.ts'))
    .map((name) => name.slice(0, -'.ts'.length))
    .sort();
}

/**
 * The comparisons in a text by `===`, `!==`, `<`, `<=`, `>`, `>=`, Math.min and Math.max of two values of which one is called by
 * one of the words, and all calls of functions named isSame…. A look whether a value is there, or 0, is none.
 */
export function comparisonsIn(file: string, text: string): Comparison[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: Comparison[] = [];
  const visit = (node: ts.Node, names: readonly string[]): void => {
    const name = nameOf(node);
    const within = name === undefined ? names : [...names, name];
    if (isSameCall(node) || comparedIn(node).some(isCalledSo)) {
      const [start, end] = [node.getStart(source), node.getEnd()];
      found.push({
        file,
        within: within.join('.'),
        text: text.slice(start, end).replaceAll(/\s+/g, ' '),
        start,
        end,
      });
    }
    ts.forEachChild(node, (child) => visit(child, within));
  };
  visit(source, []);
  return found;
}

/** The name of a class, a function, or a method. */
function nameOf(node: ts.Node): string | undefined {
  if (ts.isClassLike(node) || ts.isFunctionDeclaration(node)) return node.name?.text;
  if (ts.isMethodDeclaration(node) || ts.isAccessor(node)) return node.name.getText();
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  return undefined;
}

/** What a node compares: nothing, where it compares nothing, or looks only whether a value is there. */
function comparedIn(node: ts.Node): readonly ts.Expression[] {
  if (ts.isBinaryExpression(node) && OPERATORS.has(node.operatorToken.kind)) {
    return unlessFixed([node.left, node.right]);
  }
  if (!ts.isCallExpression(node)) return [];
  return /^Math\.(min|max)$/.test(node.expression.getText()) ? unlessFixed(node.arguments) : [];
}

/** A call of a function that says whether two heads, or lines, are the same. */
function isSameCall(node: ts.Node): boolean {
  return ts.isCallExpression(node) && /^isSame[A-Z]/.test(node.expression.getText());
}

function unlessFixed(values: readonly ts.Expression[]): readonly ts.Expression[] {
  return values.some(isFixed) ? [] : values;
}

function isFixed(node: ts.Expression): boolean {
  return (
    ts.isLiteralExpression(node) ||
    ts.isTypeOfExpression(node) ||
    /^(undefined|null|true|false|Infinity)$/.test(node.getText())
  );
}

function isCalledSo(node: ts.Expression): boolean {
  if (ts.isIdentifier(node)) return isWord(node.text);
  if (ts.isPropertyAccessExpression(node)) return isWord(node.name.text);
  if (ts.isCallExpression(node)) return isCalledSo(node.expression) || node.arguments.some(isCalledSo);
  if (ts.isBinaryExpression(node))
    return !OPERATORS.has(node.operatorToken.kind) && (isCalledSo(node.left) || isCalledSo(node.right));
  return ts.isParenthesizedExpression(node) && isCalledSo(node.expression);
}

function isWord(name: string): boolean {
  const words = name.replace(/Of$/, '').split(/(?=[A-Z])/);
  return WORDS.has((words.at(-1) as string).replace('#', '').toLowerCase());
}
