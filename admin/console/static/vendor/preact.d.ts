// The types of preact.js, for the checks in cmd/latchkey/testdata/console alone. It is not served.
export {render} from 'preact'
export {useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState} from 'preact/hooks'
import type {VNode} from 'preact'
export function html(strings: TemplateStringsArray, ...values: unknown[]): VNode
