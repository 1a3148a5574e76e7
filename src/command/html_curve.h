/* The curve of a page: entropy over position. */
#ifndef ENT_HTML_CURVE_H
#define ENT_HTML_CURVE_H

#include "report.h"

/* Of a file in which some row has a distribution: a point for every row, or where there are more of
 * them than can be seen, mean and range of neighbours. False as report_html. */
bool html_curve(const report *p, const result *r);

#endif
