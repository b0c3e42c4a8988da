/* Memory that only a start needs. */
#ifndef NXT_FOOTPRINT_H
#define NXT_FOOTPRINT_H

/*
 * Gives back what starting touched and serving may never need: the code and tables of some forty
 * libraries that ran their initialisers (they stay in the page cache and come back by themselves
 * when used), and free heap. Called once, some seconds after the start; takes about 5 ms.
 */
void footprint_trim(void);
/*
 * Lets the heap keep some free memory between requests: glibc gives it back and asks for it again
 * many times a second otherwise, which was a seventh of the time of a list.
 */
void footprint_init(void);
/* Gives back what a burst left free. Called every few seconds; does nothing where that is little. */
void footprint_relax(void);

#endif
