/* The logarithms and exponentials of row epilogues, in double: SLEEF's, which give the same bits on
 * every CPU, or the C library's in a build without it (ENTROPY_WITH_SLEEF=OFF). */
#ifndef ENT_SCALAR_MATH_H
#define ENT_SCALAR_MATH_H

double ent_log(double x);
double ent_exp(double x);
double ent_expm1(double x);
double ent_log1p(double x);

#endif
