/* Why a test is skipped on a system that lacks what it needs; false where the system has it. */

const windows = process.platform === 'win32';

export const noPipes = windows && 'no named pipes in directories there';
export const noSignals = windows && 'Windows ends a process that is sent a signal';
export const noProc = process.platform !== 'linux' && 'only Linux has /proc';
